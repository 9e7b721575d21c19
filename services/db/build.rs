//! Migrations are compiled into the service, and cargo would not notice a new one by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
