//! Every answer against brute force over all packets of small spaces.

mod index;
mod sample;
