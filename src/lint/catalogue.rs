//! Every lint: its code, its level unless set, and what there is to learn about it.

use super::levels::Level;
use crate::diagnostic::{Diagnostic, Location};

/// What a lint is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Lint {
    /// `palisade::lint::name`
    pub code: &'static str,
    /// Its level unless set.
    pub level: Level,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Lines of a policy that it finds.
    pub example: &'static str,
}

impl Lint {
    /// The last part of the code.
    pub fn name(&self) -> &'static str {
        self.code.strip_prefix(PREFIX).unwrap_or(self.code)
    }

    pub(super) fn at(
        &self,
        message: impl Into<String>,
        at: Location,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::warning(self.code, message, at, label)
    }
}

const PREFIX: &str = "palisade::lint::";

macro_rules! lints {
    ($($name:ident = $kebab:literal, $level:ident, $summary:literal,
        why $why:literal, remedy $remedy:literal, example $example:literal;)*) => {
        $(pub(super) static $name: Lint = Lint {
            code: concat!("palisade::lint::", $kebab),
            level: Level::$level,
            summary: $summary,
            why: $why,
            remedy: $remedy,
            example: $example,
        };)*

        /// All lints.
        pub static LINTS: &[&Lint] = &[$(&$name),*];
    };
}

lints! {
    // Rules that decide nothing.
    REDUNDANT = "redundant", Warn, "a rule that others of the same verdict cover, one of them or several together",
        why "the rule can go without changing what happens to any packet; a reader takes it for the reason why \
             something is allowed or denied, and edits it in vain",
        remedy "drop the line",
        example "10 allow tcp from any to port 443\n20 allow tcp from 10.0.0.0/8 to port 443";
    SHADOWED = "shadowed", Warn, "a rule that stronger rules of both verdicts cover together",
        why "the rule never decides a packet: some of what it matches is allowed before it, the rest denied",
        remedy "drop the line, or give it a smaller number where it should win",
        example "10 allow tcp from 10.0.0.0/9 to port 22\n10 deny tcp from 10.128.0.0/9 to port 22\n20 allow tcp from 10.0.0.0/8 to port 22";
    CONTRADICTED = "contradicted", Warn, "an allow that never allows: stronger rules deny all it matches",
        why "the rule says that something is allowed which is not",
        remedy "drop the line, or give it a smaller number than the denies",
        example "10 deny all from 10.0.0.0/8\n20 allow tcp from 10.0.1.0/24 to port 22";
    TIED = "tied", Warn, "an allow whose packets are all denied by rules of the same priority",
        why "at the same priority deny wins, whatever the order of the lines",
        remedy "give the allow a smaller number than the deny, or drop one of them",
        example "10 allow tcp from any to port 80\n10 deny tcp from any to port 80";
    DENY_NEVER_WINS = "deny-never-wins", Warn, "a deny that never denies: stronger rules allow all it matches",
        why "the rule seems to protect something and does not; the more general allow has the smaller number",
        remedy "give the deny the number of the allow or a smaller one, or drop it",
        example "1 allow tcp from any to port 1-65535\n100 deny tcp from any to port 3306";
    DEFAULT_ANYWAY = "default-anyway", Allow, "a rule without which weaker rules and the default say the same",
        why "the rule changes nothing; many authors write a closing `deny` for the reader's sake, so this is silent \
             unless asked for",
        remedy "drop the line",
        example "100 deny all from any";
    NOT_DECIDED = "not-decided", Warn, "rules that are too entangled to say whether they ever decide",
        why "lints are exact for all packets within a budget of steps; where it does not suffice nothing is guessed",
        remedy "have fewer and simpler rules per NIC",
        example "";
    // Doors too wide.
    OPEN_SENSITIVE_PORT = "open-sensitive-port", Warn, "an inbound allow from any for SSH, RDP or a database",
        why "these ports are tried by everyone all the time, and a weak password or an old version is enough",
        remedy "name the peers that need it: a prefix, a set or a group",
        example "10 allow tcp from any to port 22";
    OPEN_ALL_PORTS = "open-all-ports", Warn, "an inbound allow from any for all ports",
        why "every service that listens, now or later, can be reached by everyone",
        remedy "name the ports that are served and the peers that need the others",
        example "10 allow all from any";
    WIDE_PORTS = "wide-ports", Warn, "an inbound allow for more than 1024 ports",
        why "nobody serves so many ports; whatever else listens there is open too",
        remedy "name the ports that are served",
        example "10 allow tcp from 10.0.0.0/8 to port 1024-65535";
    OUTBOUND_MAIL = "outbound-mail", Warn, "an outbound allow of tcp 25 to any",
        why "machines that were broken into send mail; networks block the port, and addresses get blacklisted",
        remedy "submit mail to a relay on port 465 or 587, or name the relay's address",
        example "10 allow tcp to any port 25";
    // Inner access.
    DENY_OF_MEMBERS = "deny-of-members", Warn, "an inbound deny of members that `inner allow` lets through before any rule",
        why "inner access stands before all rules: not even priority 1 denies members of the group to each other",
        remedy "write `inner deny` and allow what members need from each other",
        example "inner allow\nin {\n  1 deny all from any\n}";
    INNER_DENY_REOPENED = "inner-deny-reopened", Warn, "members of an `inner deny` group whom another group or a rule for everything lets to each other",
        why "`inner deny` only takes inner access away: another shared group with `inner allow`, or a rule that names \
             their addresses, opens everything again",
        remedy "write `inner deny` in the other group too, or name the ports that members need from each other",
        example "group a { inner deny }\ngroup b { inner allow }\n# two NICs with groups [a, b]";
    // Families, peers, kinds.
    IPV4_ONLY = "ipv4-only", Warn, "a rule for all of IPv4 and no IPv6, on a NIC that has both",
        why "`0.0.0.0/0` is not `any`: such a deny leaves IPv6 open, such an allow does not serve it",
        remedy "write `any`, or a second rule for `::/0`",
        example "100 deny all to 0.0.0.0/0";
    PREFIX_FOR_GROUP = "prefix-for-group", Warn, "literal addresses that are exactly the members of a group",
        why "the next member of the group will be missing here",
        remedy "name the group",
        example "10 allow tcp from 10.0.1.10 to port 8080   # the only member of group web";
    ENTERPRISE_WITHOUT_OUT = "enterprise-without-out", Warn, "an enterprise group whose members cannot open any connection",
        why "enterprise groups deny outbound by default: without an allow not even names resolve",
        remedy "add an `out` section that allows what members need",
        example "kind enterprise   # and no `out` section";
    // Declared in vain.
    UNUSED_GROUP = "unused-group", Warn, "a group without members that nothing refers to",
        why "it protects nobody, which its author may not know",
        remedy "let NICs join it, or drop it",
        example "group old { ... }";
    UNUSED_SET = "unused-set", Warn, "a prefix set that nothing refers to",
        why "somebody keeps it up to date in vain",
        remedy "drop it",
        example "set office = 198.51.100.0/24";
    UNUSED_SERVICE = "unused-service", Warn, "a service that nothing refers to",
        why "somebody keeps it up to date in vain",
        remedy "drop it",
        example "service web = tcp [80, 443]";
    // Habits.
    NEAR_QUOTA = "near-quota", Warn, "more than nine tenths of a limit that clouds have",
        why "a policy this size hardly fits into a cloud's security groups, and hardly into a head",
        remedy "name sets and groups instead of many addresses, or split the group",
        example "# 181 rules in one group; the limit is 200";
    DENY_IN_WHITELIST = "deny-in-whitelist", Allow, "inbound denies in a group that otherwise allows",
        why "inbound traffic is denied by default; a group that only allows is read without thinking of priorities",
        remedy "narrow the allows instead",
        example "1 deny all from 192.0.2.66\n10 allow tcp from any to port 443";
    MIXED_AUDIENCE = "mixed-audience", Allow, "a group that serves everyone and serves peers of its own",
        why "public and internal services have different risks; machines that serve both carry them together",
        remedy "give public and internal services a group each",
        example "10 allow tcp from any to port 443\n20 allow tcp from 10.0.0.0/8 to port 8080";
    GROUP_PER_INSTANCE = "group-per-instance", Warn, "three groups or more of one member each with the same rules",
        why "every change has to be made in each of them, and one day it is forgotten in one",
        remedy "let all the members join one group",
        example "group web1 { ... }   # member web-1\ngroup web2 { ... }   # member web-2, the same rules\ngroup web3 { ... }   # member web-3, the same rules";
    UNLIKE_MEMBERS = "unlike-members", Allow, "a group with rules for some of its members only",
        why "members of a group are meant to do the same; a rule for one of them is easily taken to hold for all",
        remedy "give members with other tasks a group of their own",
        example "10 allow tcp from any to 10.0.1.1 port 8080   # 10.0.1.2 is a member too";
    MISSING_DESCRIPTION = "missing-description", Allow, "rules without a description",
        why "in a year nobody knows why the rule is there and dares to drop it",
        remedy "say why in a string at the line's end",
        example "10 allow tcp from 192.0.2.7 to port 443";
}
