//! The sample policy: its tree as a snapshot.

const SAMPLE: &str = include_str!("data/sample.sg");

#[test]
fn the_sample_parses_without_mistakes() {
    let parse = palisade_grammar::parse(SAMPLE);
    assert_eq!(parse.errors, []);
    assert_eq!(parse.file.items.len(), 12);
}

#[test]
fn the_sample_is_in_canonical_layout() {
    assert_eq!(palisade_grammar::format(SAMPLE).unwrap(), SAMPLE);
}
