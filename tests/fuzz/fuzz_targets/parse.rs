//! Any text parses to a tree and a list of errors, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parse = palisade_grammar::parse(text);
    for error in &parse.errors {
        assert!(!error.labels.is_empty());
        for (span, _) in &error.labels {
            assert!(span.start <= span.end && span.end <= text.len());
        }
    }
});
