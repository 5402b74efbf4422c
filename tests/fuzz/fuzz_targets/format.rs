//! What formats, formats to itself, and keeps its meaning (the formatter compares the trees itself).
#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_grammar::FormatError;

fuzz_target!(|text: &str| {
    match palisade_grammar::format(text) {
        Ok(formatted) => assert_eq!(palisade_grammar::format(&formatted).as_ref(), Ok(&formatted)),
        Err(FormatError::Syntax(errors)) => assert!(!errors.is_empty()),
        Err(other) => panic!("{other}"),
    }
});
