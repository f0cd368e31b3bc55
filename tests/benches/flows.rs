//! How fast whole flows are: nothing is measured here yet.

fn main() {}
