//! Every answer against brute force over all packets of small spaces.

mod boxes;
mod changes;
mod equivalence;
mod index;
mod regions;
mod sample;
