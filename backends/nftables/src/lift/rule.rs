//! A rule, from its first token to the end of its line.
//!
//! Written from nft(8), EXPRESSIONS and STATEMENTS; which tests nft adds by itself was read off `nft --debug=netlink`.

use std::net::IpAddr;

use palisade_ir::{Family, LiftError, Protocol, Ranges};

use super::ast::{Action, Elements, Field, Rule, Statement, Values, family_number, masked};
use super::cursor::Cursor;
use super::elements;
use super::lexer::Token;

/// What stands between the names of a header and its value: one field, or several joined by ` . `.
struct Selector {
    fields: Vec<Field>,
}

/// A rule while it is read.
#[derive(Default)]
struct Draft {
    statements: Vec<Statement>,
    /// The family and protocols that tests so far have narrowed the packet to.
    family: Option<Family>,
    protocols: Option<Ranges>,
}

/// Reads a rule.
pub(super) fn rule(cursor: &mut Cursor) -> Result<Rule, LiftError> {
    let line = cursor.line();
    let mut draft = Draft::default();
    let mut comment = None;
    while !cursor.at_end() {
        if cursor.take_word("comment") {
            comment = Some(cursor.text()?);
            break;
        }
        if draft.statements.last().is_some_and(|last| matches!(last, Statement::Act(_))) {
            return Err(cursor.error("nothing but a comment can follow a verdict"));
        }
        statement(cursor, &mut draft)?;
    }
    cursor.need_end()?;
    let Draft { statements, .. } = draft;
    let decides = |statement: &Statement| matches!(statement, Statement::Act(_) | Statement::Dispatch { .. });
    if statements.contains(&Statement::Limit) && statements.iter().any(decides) {
        let message = "a verdict under a rate limit depends on the time".to_owned();
        return Err(LiftError { file: super::cursor::FILE, line, message });
    }
    if statements.is_empty() {
        return Err(LiftError {
            file: super::cursor::FILE,
            line,
            message: "a rule without a statement".to_owned(),
        });
    }
    Ok(Rule { line, statements, comment })
}

fn statement(cursor: &mut Cursor, draft: &mut Draft) -> Result<(), LiftError> {
    if cursor.at_mark('@') {
        return both_ports(cursor, draft);
    }
    let word = match cursor.peek() {
        Some(Token::Word(word)) => word.clone(),
        _ => return Err(cursor.expected("a statement")),
    };
    let statement = match word.as_str() {
        "accept" | "drop" | "return" | "jump" | "goto" => Statement::Act(action(cursor)?),
        "counter" => counter(cursor)?,
        "limit" => limit(cursor)?,
        "log" => log(cursor)?,
        "ct" => {
            cursor.need_word("ct")?;
            if cursor.take_word("timeout") {
                cursor.need_word("set")?;
                Statement::SetTimeout(cursor.text()?)
            } else {
                cursor.need_word("state")?;
                return test(cursor, draft, Selector { fields: vec![Field::State] });
            }
        }
        _ => {
            let selector = selector(cursor, draft)?;
            return test(cursor, draft, selector);
        }
    };
    draft.statements.push(statement);
    Ok(())
}

/// A verdict.
pub(super) fn action(cursor: &mut Cursor) -> Result<Action, LiftError> {
    let error = cursor.expected("a verdict");
    match cursor.word("a verdict")?.as_str() {
        "accept" => Ok(Action::Accept),
        "drop" => Ok(Action::Drop),
        "return" => Ok(Action::Return),
        "jump" => Ok(Action::Jump(cursor.word("a chain")?)),
        "goto" => Ok(Action::Goto(cursor.word("a chain")?)),
        _ => Err(error),
    }
}

pub(super) fn counter(cursor: &mut Cursor) -> Result<Statement, LiftError> {
    cursor.need_word("counter")?;
    if cursor.take_word("packets") {
        cursor.number::<u64>()?;
        cursor.need_word("bytes")?;
        cursor.number::<u64>()?;
    }
    Ok(Statement::Counter)
}

fn limit(cursor: &mut Cursor) -> Result<Statement, LiftError> {
    cursor.need_word("limit")?;
    cursor.need_word("rate")?;
    let error = cursor.expected("a rate such as `10/second`");
    let rate = cursor.word("a rate")?;
    let units = ["second", "minute", "hour", "day", "week"];
    rate.split_once('/')
        .filter(|(number, unit)| super::cursor::decimal::<u32>(number).is_some() && units.contains(unit))
        .ok_or(error)?;
    if cursor.take_word("burst") {
        cursor.number::<u32>()?;
        cursor.need_word("packets")?;
    }
    Ok(Statement::Limit)
}

fn log(cursor: &mut Cursor) -> Result<Statement, LiftError> {
    cursor.need_word("log")?;
    let mut prefix = String::new();
    if cursor.take_word("prefix") {
        let error = cursor.error("nft expands `$` in a log prefix");
        prefix = cursor.text()?;
        if prefix.contains('$') {
            return Err(error);
        }
    }
    if cursor.take_word("level") {
        let levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
        let error = cursor.expected("a log level");
        if !levels.contains(&cursor.word("a log level")?.as_str()) {
            return Err(error);
        }
    }
    Ok(Statement::Log { prefix })
}

/// Fields joined by ` . `, with the tests that nft adds before them.
fn selector(cursor: &mut Cursor, draft: &mut Draft) -> Result<Selector, LiftError> {
    let mut fields = vec![field(cursor, draft, &[])?];
    while cursor.take_word(".") {
        fields.push(field(cursor, draft, &fields)?);
    }
    if cursor.take_mark('&') {
        let [field] = fields.as_slice() else { return Err(cursor.error("a mask behind several fields")) };
        fields = vec![mask(cursor, *field)?];
    }
    Ok(Selector { fields })
}

/// `ip saddr & 255.255.255.0`: masks that leave leading bits are read.
fn mask(cursor: &mut Cursor, field: Field) -> Result<Field, LiftError> {
    let error = cursor.expected("a mask of leading bits of an address");
    let (Field::Source(family) | Field::Destination(family)) = field else { return Err(error) };
    let address: Option<IpAddr> = cursor.word("a mask")?.parse().ok();
    let address = address.filter(|address| Family::of(address) == family).ok_or(error.clone())?;
    let number = Family::number(address);
    let length = (0..=128).find(|length| masked(family, *length, family.last()) == number).ok_or(error)?;
    match field {
        Field::Source(_) => Ok(Field::SourcePrefix(family, length)),
        _ => Ok(Field::DestinationPrefix(family, length)),
    }
}

/// A field; `beside` it stand others of the same concatenation.
fn field(cursor: &mut Cursor, draft: &mut Draft, beside: &[Field]) -> Result<Field, LiftError> {
    let error = cursor.expected("a statement this reader knows");
    let header = cursor.word("a statement")?;
    match header.as_str() {
        "iifname" => return Ok(Field::InputInterface),
        "oifname" => return Ok(Field::OutputInterface),
        _ => {}
    }
    let name_error = cursor.expected("a field this reader knows");
    let name = cursor.word("a field")?;
    match (header.as_str(), name.as_str()) {
        ("meta", "nfproto") => Ok(Field::Family),
        ("meta", "l4proto") => Ok(Field::Protocol),
        ("ip", "saddr") => Ok(draft.of_family(Family::V4, Field::Source(Family::V4))),
        ("ip", "daddr") => Ok(draft.of_family(Family::V4, Field::Destination(Family::V4))),
        ("ip6", "saddr") => Ok(draft.of_family(Family::V6, Field::Source(Family::V6))),
        ("ip6", "daddr") => Ok(draft.of_family(Family::V6, Field::Destination(Family::V6))),
        ("ip6", "hoplimit") => Ok(draft.of_family(Family::V6, Field::HopLimit)),
        ("tcp", "sport") => Ok(draft.of_protocol(Protocol::TCP, Field::SourcePort)),
        ("tcp", "dport") => Ok(draft.of_protocol(Protocol::TCP, Field::DestinationPort)),
        ("udp", "sport") => Ok(draft.of_protocol(Protocol::UDP, Field::SourcePort)),
        ("udp", "dport") => Ok(draft.of_protocol(Protocol::UDP, Field::DestinationPort)),
        // What the elements say about the protocol is checked when they are known (`build`).
        ("th", "sport") if beside.contains(&Field::Protocol) => Ok(Field::SourcePort),
        ("th", "dport") if beside.contains(&Field::Protocol) => Ok(Field::DestinationPort),
        ("th", "sport") => draft.guarded(cursor, Field::SourcePort),
        ("th", "dport") => draft.guarded(cursor, Field::DestinationPort),
        ("icmp", "type") => {
            draft.of_family(Family::V4, Field::IcmpType);
            Ok(draft.of_protocol(Protocol::ICMP, Field::IcmpType))
        }
        ("icmpv6", "type") => {
            draft.of_family(Family::V6, Field::Icmpv6Type);
            Ok(draft.of_protocol(Protocol::ICMPV6, Field::Icmpv6Type))
        }
        ("meta" | "ip" | "ip6" | "tcp" | "udp" | "th" | "icmp" | "icmpv6", _) => Err(name_error),
        _ => Err(error),
    }
}

impl Draft {
    /// Adds the test of the family, unless one is there.
    fn of_family(&mut self, family: Family, field: Field) -> Field {
        if self.family != Some(family) {
            self.push_number(Field::Family, family_number(family));
            self.family = Some(family);
        }
        field
    }

    /// Adds the test of the protocol, unless one is there.
    fn of_protocol(&mut self, protocol: Protocol, field: Field) -> Field {
        let number = u128::from(protocol.0);
        let only = Ranges::span(number, number);
        if self.protocols.as_ref() != Some(&only) {
            self.push_number(Field::Protocol, number);
            self.protocols = Some(only);
        }
        field
    }

    /// `th` reads two bytes of the payload, whatever the protocol: for icmp its checksum.
    fn guarded(&self, cursor: &Cursor, field: Field) -> Result<Field, LiftError> {
        let ports: Ranges =
            [Protocol::TCP, Protocol::UDP].iter().map(|p| (u128::from(p.0), u128::from(p.0))).collect();
        match &self.protocols {
            Some(protocols) if protocols.is_subset(&ports) => Ok(field),
            _ => Err(cursor
                .error("`th` without a test for tcp or udp before it reads the payload of other protocols")),
        }
    }

    fn push_number(&mut self, field: Field, number: u128) {
        let values = Values::Inline(Elements::Ranges(Ranges::span(number, number)));
        self.statements.push(Statement::Test { fields: vec![field], negated: false, values });
    }

    /// Remembers what a test leaves of the packets.
    fn narrow(&mut self, field: Field, ranges: &Ranges) {
        match field {
            Field::Family => {
                self.family = Family::ALL.into_iter().find(|family| {
                    let number = family_number(*family);
                    *ranges == Ranges::span(number, number)
                });
            }
            Field::Protocol => {
                let before = self.protocols.take();
                self.protocols =
                    Some(before.map_or_else(|| ranges.clone(), |before| before.intersect(ranges)));
            }
            _ => {}
        }
    }
}

/// What follows the fields: a map of verdicts, a named set, or values.
fn test(cursor: &mut Cursor, draft: &mut Draft, selector: Selector) -> Result<(), LiftError> {
    let Selector { fields } = selector;
    let kinds: Vec<_> = fields.iter().map(|field| field.kind()).collect();
    if cursor.take_word("vmap") {
        let (entries, map) = if cursor.take_mark('@') {
            (Vec::new(), Some(cursor.word("the name of a map")?))
        } else {
            (elements::entries(cursor, &kinds)?, None)
        };
        draft.statements.push(Statement::Dispatch { fields, entries, map });
        return Ok(());
    }
    let negated = matches!(cursor.peek(), Some(Token::NotEqual));
    if negated {
        cursor.next();
    } else if cursor.take_mark('=') {
        // Behind a mask nft lists the comparison.
        cursor.need_mark('=')?;
    }
    if negated && fields.len() > 1 {
        // A packet that lacks one field, and one whose payload is read as ports, fare differently.
        return Err(cursor.error("`!=` before several fields"));
    }
    let values = if cursor.take_mark('@') {
        Values::Named(cursor.word("the name of a set")?)
    } else if cursor.at_mark('{') {
        Values::Inline(elements::braced(cursor, &kinds)?)
    } else if fields == [Field::State] && !negated {
        // A state is one bit: among several, as between braces.
        Values::Inline(elements::joined(cursor, &kinds)?)
    } else {
        Values::Inline(elements::single(cursor, &kinds)?)
    };
    if let ([field], Values::Inline(Elements::Ranges(ranges)), false) = (fields.as_slice(), &values, negated)
    {
        draft.narrow(*field, ranges);
    }
    draft.statements.push(Statement::Test { fields, negated, values });
    Ok(())
}

/// `@th,0,32 0x00160050`: how nft lists two neighbouring tests `th sport 22 th dport 80`.
fn both_ports(cursor: &mut Cursor, draft: &mut Draft) -> Result<(), LiftError> {
    cursor.need_mark('@')?;
    cursor.need_word("th")?;
    for number in ["0", "32"] {
        cursor.need_mark(',')?;
        cursor.need_word(number)?;
    }
    let error = cursor.expected("a number of four bytes");
    let word = cursor.word("a number")?;
    let both = match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => super::cursor::decimal(&word),
    };
    let both = both.ok_or(error)?;
    for (field, number) in [(Field::SourcePort, both >> 16), (Field::DestinationPort, both & 0xffff)] {
        let field = draft.guarded(cursor, field)?;
        draft.push_number(field, u128::from(number));
    }
    Ok(())
}
