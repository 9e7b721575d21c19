//! A private Postgres cluster of our own, for a machine where nobody has set one up.
