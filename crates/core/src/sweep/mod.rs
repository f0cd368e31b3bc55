//! The sweep.

/// How many things a run may take away.
pub fn cap(of: usize, max: Option<u32>) -> usize {
    max.map_or((of / 4).max(2), |max| max as usize)
}
