//! Which tokens a text has, and which codes its mistakes.

use super::{Kind, lex};

/// The tokens in short, one word each; bad ones end with `!`.
fn tokens(text: &str) -> String {
    let (tokens, _) = lex(text);
    let short: Vec<String> = tokens
        .iter()
        .map(|token| {
            let kind = match &token.kind {
                Kind::Word(word) => word.to_string(),
                Kind::OddWord => "odd".to_owned(),
                Kind::Number(number) => format!("#{number}"),
                Kind::Duration(duration) => format!("{}{:?}", duration.amount, duration.unit),
                Kind::Address(address) => {
                    address.length.map_or(address.ip.to_string(), |length| format!("{}/{length}", address.ip))
                }
                Kind::BadAddress => "address".to_owned(),
                Kind::Text(text) => format!("{text:?}"),
                Kind::OpenBrace => "{".to_owned(),
                Kind::CloseBrace => "}".to_owned(),
                Kind::OpenBracket => "[".to_owned(),
                Kind::CloseBracket => "]".to_owned(),
                Kind::Comma => ",".to_owned(),
                Kind::Equals => "=".to_owned(),
                Kind::Dash => "-".to_owned(),
                Kind::Newline { blank: false } => "NL".to_owned(),
                Kind::Newline { blank: true } => "NL2".to_owned(),
                Kind::Comment(text) => format!("({text})"),
                Kind::End => "END".to_owned(),
            };
            if token.bad { kind + "!" } else { kind }
        })
        .collect();
    short.join(" ")
}

#[test]
fn right_forms() {
    let cases = [
        ("", "END"),
        ("a b-1 c.d e1", "a b-1 c.d e1 END"),
        ("0 22 65535 4294967295", "#0 #22 #65535 #4294967295 END"),
        ("1-2 3 - 4 5- 6 7 -8", "#1 - #2 #3 - #4 #5 - #6 #7 - #8 END"),
        ("910s 15m 0h", "910Seconds 15Minutes 0Hours END"),
        (
            "10.0.0.1 10.1.2.3/8 0.0.0.0/0 255.255.255.255/32",
            "10.0.0.1 10.1.2.3/8 0.0.0.0/0 255.255.255.255/32 END",
        ),
        (":: ::1 ::/0 fe80::1 A:B::C/64", ":: ::1 ::/0 fe80::1 a:b::c/64 END"),
        ("1:2:3:4:5:6:7:8 64:ff9b::1.2.3.4", "1:2:3:4:5:6:7:8 64:ff9b::102:304 END"),
        ("fe80 abcd dead-beef", "fe80 abcd dead-beef END"),
        ("{}[],=", "{ } [ ] , = END"),
        ("[80,443]", "[ #80 , #443 ] END"),
        ("a\nb\r\nc\n\nd \n \t\n e", "a NL b NL c NL2 d NL2 e END"),
        ("#\n# a \n#  b\r\n##c", "() NL (a) NL ( b) NL (#c) END"),
        ("a#b", "a (b) END"),
        (r#""" "a # b" "\"\\""#, r#""" "a # b" "\"\\" END"#),
        ("\u{FEFF}a", "a END"),
    ];
    for (text, expected) in cases {
        assert_eq!(tokens(text), expected, "{text:?}");
        assert_eq!(lex(text).1.merge(Default::default()), [], "{text:?}");
    }
}

#[test]
fn wrong_forms_stand_for_what_was_meant() {
    let cases = [
        ("Web ALLOW", "web! allow! END", "upper-case upper-case"),
        ("a_b a--b a- a. ab:c", "a-b! a-b! a! a! ab-c! END", "bad-name bad-name bad-name bad-name bad-name"),
        (
            "tcp/443 443/tcp web:80",
            "tcp! tcp! web! END",
            "port-after-slash port-after-slash port-after-slash",
        ),
        ("80:90 80..90", "#80 - #90 #80 - #90 END", "port-range port-range"),
        ("1–2", "#1 -! #2 END", "unexpected-character"),
        ("080 00 4294967296", "#80 #0 #4294967295 END", "leading-zero leading-zero number-overflow"),
        (
            "10.0.0 1.2.3.4.5 1.2.3.256 10/8",
            "address! address! address! address! END",
            "bad-address bad-address bad-address bad-address",
        ),
        (
            "::ffff:1.2.3.4 fe80::1%a 1::2::3 10.0.0.0/33",
            "address! address! address! address! END",
            "mapped-address zone-id bad-address prefix-length",
        ),
        ("2nd 5min 1st.a", "odd odd odd END", ""),
        ("'a' “b”", "\"a\"! \"b\"! END", "wrong-quotes wrong-quotes"),
        ("\"a", "\"a\"! END", "unterminated-string"),
        ("\"a\nb", "\"a\"! NL b END", "unterminated-string"),
        ("$a <b> @c ${d}", "a! b! c! d! END", "sigil sigil sigil sigil"),
        ("(1)", "[! #1 ]! END", "wrong-brackets"),
        ("a; b [1; 2]", "a NL! b [ #1 ,! #2 ] END", "unexpected-character unexpected-character"),
        ("* !a && b", "any! a b END", "unexpected-character unexpected-character unexpected-character"),
        (
            "// a\n/* b\n*/ c -- d",
            "( a)! NL ( b\n)! c ( d)! END",
            "wrong-comment wrong-comment wrong-comment",
        ),
        ("a\0b \u{202E}", "a b END", "control-character bidirectional-character"),
        ("a\rb", "a b END", "control-character"),
        ("a\u{FEFF} \u{A0}", "a END", "unexpected-character unexpected-character"),
    ];
    for (text, expected, codes) in cases {
        assert_eq!(tokens(text), expected, "{text:?}");
        let errors = lex(text).1.merge(Default::default());
        let found: Vec<&str> =
            errors.iter().filter_map(|error| error.code.strip_prefix("palisade::syntax::")).collect();
        assert_eq!(found.join(" "), codes, "{text:?}");
    }
}

/// Every character that must not hide in a policy, in each of the places where it could.
#[test]
fn nothing_hides() {
    let bidirectional = ['\u{61C}', '\u{200E}', '\u{200F}', '\u{2028}', '\u{2029}'];
    let ranges = ('\u{202A}'..='\u{202E}').chain('\u{2066}'..='\u{2069}');
    let controls = ('\0'..=' ').chain('\u{7F}'..='\u{9F}').filter(|character| character.is_control());
    for character in bidirectional.into_iter().chain(ranges).chain(controls) {
        if character == '\n' {
            continue;
        }
        for text in [
            format!("\"a{character}b\""),
            format!("# a{character}b"),
            format!("'a{character}b'"),
            format!("a {character} b"),
        ] {
            // A tab is a blank, but not in a string.
            let fine = character == '\t' && !text.contains(['"', '\'']);
            let errors = lex(&text).1.merge(Default::default());
            assert_eq!(errors.is_empty(), fine, "{text:?}");
        }
    }
}
