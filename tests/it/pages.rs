//! The service as people look at it.

mod confinement;
