//! One binary of black-box tests: what holds for the repository and for the service as a whole.

mod tidy;
