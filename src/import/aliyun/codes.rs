//! Every code an import can carry, with one line on what it means.
//!
//! The constants keep the codes from being misspelt; the list lets tests hold a case for each.

macro_rules! codes {
    ($($name:ident = $kebab:literal, $meaning:literal;)*) => {
        $(pub(super) const $name: &str = concat!("palisade::import::", $kebab);)*

        /// All codes of imports, each with a one-line explanation.
        pub const CODES: &[(&str, &str)] = &[$(($name, $meaning)),*];
    };
}

codes! {
    // Errors: what the file is.
    NOT_JSON = "not-json", "a text that is not JSON";
    NOT_A_LISTING = "not-a-listing", "a file that is neither a rule listing nor a list of groups";
    NO_LISTING = "no-listing", "nothing given lists rules";
    MORE_PAGES = "more-pages", "a listing that goes on on another page";
    SAME_GROUP = "same-group", "a group whose rules are listed twice";
    CONTRADICTION = "contradiction", "two inputs that say different things about one group";
    // Errors: values.
    DUPLICATE_KEY = "duplicate-key", "a key that an object has twice";
    WRONG_TYPE = "wrong-type", "a value of a type that does not fit its key";
    MISSING_VALUE = "missing-value", "a value without which the rule or group means nothing";
    UNKNOWN_VALUE = "unknown-value", "a word that its key does not take";
    UNKNOWN_PROTOCOL = "unknown-protocol", "a protocol that is neither a known name nor a number up to 255";
    BAD_PORTS = "bad-ports", "a port range that is not `first/last` within 1 to 65535";
    PORTLESS_PROTOCOL = "portless-protocol", "ports of a protocol that has none";
    BAD_PRIORITY = "bad-priority", "a priority outside 1 to 110";
    BAD_ADDRESS = "bad-address", "a text that is no address or prefix";
    // Errors: rules that a policy cannot say.
    NO_PEER = "no-peer", "a rule that does not say whom it is about";
    NO_SHARED_FAMILY = "no-shared-family", "a protocol and ends that share no address family";
    PEER_EQUALS_LOCAL = "peer-equals-local", "a rule whose two ends are the same addresses";
    OWN_GROUP = "own-group", "a group as the peer of its own rule, where inner access does not say the same";
    GROUP_IN_PUBLIC = "group-in-public", "a group peer in a public section of a classic network";
    GROUP_IN_ENTERPRISE = "group-in-enterprise", "a group peer in an enterprise group";
    ENTERPRISE_PEER = "enterprise-peer", "an enterprise group as a peer";
    OTHER_NETWORK = "other-network", "a group of another network as a peer";
    ENTERPRISE_IN_CLASSIC = "enterprise-in-classic", "an enterprise group in a classic network";
    DENY_LOST = "deny-lost", "a deny rule that a policy cannot say: without it the group would be more open";
    NOT_REPRODUCIBLE = "not-reproducible", "a mistake of the importer: its policy does not read back as it was meant";
    // Warnings: what was not written.
    ASSUMED_GROUP = "assumed-group", "a group that is named after its file";
    ASSUMED_KIND = "assumed-kind", "a group read as basic, since its type is not given";
    ASSUMED_NETWORK = "assumed-network", "a network that is not given";
    ASSUMED_INNER = "assumed-inner", "an inner policy read as accept, since it is not given";
    ASSUMED_VALUE = "assumed-value", "a missing value of a rule read as the cloud's default";
    UNKNOWN_KEY = "unknown-key", "a key that is not read";
    UNKNOWN_PEER = "unknown-peer", "a peer group without a listing, which becomes an empty group";
    UNKNOWN_PREFIX_LIST = "unknown-prefix-list", "a prefix list, which becomes an empty set";
    ONE_NIC_TYPE = "one-nic-type", "a listing of a classic group that holds one NIC type at most";
    // Warnings: what is written and read as something else.
    ALL_PORTS = "all-ports", "ports -1/-1 of tcp or udp read as 1/65535";
    PORTS_IGNORED = "ports-ignored", "ports 1/65535 of a protocol that has none";
    HOST_BITS = "host-bits", "a prefix with bits behind its length, which is masked";
    OTHER_FAMILY = "other-family", "an address in the field of the other family";
    SEVERAL_PEERS = "several-peers", "a rule with several kinds of peer, of which the cloud reads one";
    ICMP_FAMILY = "icmp-family", "ICMP with an IPv6 prefix, read as ICMPv6";
    FAMILY_LEFT_OUT = "family-left-out", "a prefix of a family that the rule can never match";
    LOCAL_FILTER_IGNORED = "local-filter-ignored", "a filter of the group's own side that filters nothing";
    OWN_GROUP_LEFT_OUT = "own-group-left-out", "a rule about the own group, which inner access opens anyway";
    ALLOW_LEFT_OUT = "allow-left-out", "an allow rule that a policy cannot say";
    PRIORITY_LOWERED = "priority-lowered", "a priority from 101 to 110, which becomes 100";
    REPEATED_RULE = "repeated-rule", "a rule that the group already has";
    NIC_TYPE_IN_VPC = "nic-type-in-vpc", "a public rule in a group of a VPC, which has no such rules";
    INNER_IN_ENTERPRISE = "inner-in-enterprise", "an inner policy of an enterprise group, which is always isolated";
    TEXT_CLEANED = "text-cleaned", "a description with control or bidirectional characters, which are removed";
    TEXT_DROPPED = "text-dropped", "the description of a rule that a default group implies";
    TEXT_CUT = "text-cut", "a description that is cut to 512 characters";
}
