//! Every code a syntax error can carry, with one line on what it means.
//!
//! The list is public so that a test can hold a case for each; the constants keep the codes from being misspelt.

macro_rules! codes {
    ($($name:ident = $kebab:literal, $meaning:literal;)*) => {
        $(pub(crate) const $name: &str = concat!("palisade::syntax::", $kebab);)*

        /// All codes of syntax errors, each with a one-line explanation.
        pub const CODES: &[(&str, &str)] = &[$(($name, $meaning)),*];
    };
}

codes! {
    // Characters and words.
    UNEXPECTED_CHARACTER = "unexpected-character", "a character that means nothing in the language";
    CONTROL_CHARACTER = "control-character", "a control character in code, a string or a comment";
    BIDIRECTIONAL_CHARACTER = "bidirectional-character", "a character that changes the direction or the lines in which text is shown";
    WRONG_COMMENT = "wrong-comment", "a comment that does not begin with `#`";
    WRONG_QUOTES = "wrong-quotes", "a string in other quotes than `\"`";
    UNTERMINATED_STRING = "unterminated-string", "a string without its closing quote on the same line";
    UNKNOWN_ESCAPE = "unknown-escape", "a backslash in a string before something else than `\"` or `\\`";
    SIGIL = "sigil", "a name with a `$`, `@` or `<...>` of another language";
    UPPER_CASE = "upper-case", "a keyword or name with upper case letters";
    BAD_NAME = "bad-name", "a word that is neither a name nor a value";
    NUMBER_OVERFLOW = "number-overflow", "a number too large for any place in the language";
    LEADING_ZERO = "leading-zero", "a number or an IPv4 octet with leading zeros";
    BAD_ADDRESS = "bad-address", "an address or prefix that cannot be read";
    MAPPED_ADDRESS = "mapped-address", "an IPv4-mapped IPv6 address";
    ZONE_ID = "zone-id", "an IPv6 address with a zone";
    PREFIX_LENGTH = "prefix-length", "a prefix length above 32 or 128";
    PORT_RANGE = "port-range", "a port range that is not written with `-`";
    PORT_AFTER_SLASH = "port-after-slash", "a port glued to a protocol or name";
    BAD_DURATION = "bad-duration", "a duration without a unit of `s`, `m` or `h`";
    // Lists and blocks.
    WRONG_BRACKETS = "wrong-brackets", "a list in other brackets than `[ ]`";
    LIST_WITHOUT_BRACKETS = "list-without-brackets", "a list of several elements without `[ ]`";
    MISSING_COMMA = "missing-comma", "two list elements without a comma between them";
    EXTRA_COMMA = "extra-comma", "a comma that follows no list element";
    EMPTY_LIST = "empty-list", "a list without elements";
    NESTED_LIST = "nested-list", "a list directly inside a list";
    ANY_IN_LIST = "any-in-list", "`any` as an element of a list";
    UNCLOSED_BRACKET = "unclosed-bracket", "a `[` without its `]`";
    UNCLOSED_BRACE = "unclosed-brace", "a `{` without its `}`";
    EXTRA_CLOSING = "extra-closing", "a `}` or `]` that closes nothing";
    MISSING_BLOCK = "missing-block", "a statement without its `{` at the end of the line";
    MISSING_NEWLINE = "missing-newline", "two statements, or a brace and a statement, on one line";
    // Statements and clauses.
    UNKNOWN_STATEMENT = "unknown-statement", "a line that begins with no known keyword";
    MISPLACED_STATEMENT = "misplaced-statement", "a statement in a block where it cannot stand";
    UNKNOWN_WORD = "unknown-word", "a word where one of a few keywords is expected";
    UNKNOWN_CLAUSE = "unknown-clause", "a word that begins no clause of the statement";
    MISPLACED_CLAUSE = "misplaced-clause", "a clause that does not belong to this kind of statement";
    CLAUSE_ORDER = "clause-order", "clauses in another order than the language's";
    DUPLICATE_CLAUSE = "duplicate-clause", "a clause that is given twice";
    MISSING_CLAUSE = "missing-clause", "a statement without a clause it needs";
    MISSING_PRIORITY = "missing-priority", "a rule that does not begin with its priority";
    MISSING_PROTOCOL = "missing-protocol", "a rule or expectation without a protocol";
    MISPLACED_PORT = "misplaced-port", "ports that follow no end, or stand where they cannot";
    PORT_BEFORE_PEER = "port-before-peer", "an end whose ports stand before its peers";
    UNTAGGED_NAME = "untagged-name", "a name as a peer or member without `set`, `group` or `service`";
    RESERVED_NAME = "reserved-name", "an instance called `any`, `set` or `group`";
    UNEXPECTED_TOKEN = "unexpected-token", "something else than what the statement needs next";
    TOO_MANY_ERRORS = "too-many-errors", "more mistakes than are worth reporting";
}
