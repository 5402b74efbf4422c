//! Every code that resolving can report, each with one line on what it means.
//!
//! The constants keep the codes from being misspelt; the list lets tests hold a case for each.

macro_rules! codes {
    ($($name:ident = $kebab:literal, $meaning:literal;)*) => {
        $(pub(crate) const $name: &str = concat!("palisade::resolve::", $kebab);)*

        /// All codes of this phase, each with a one-line explanation.
        pub const CODES: &[(&str, &str)] = &[$(($name, $meaning)),*];
    };
}

codes! {
    // Names.
    UNKNOWN_NETWORK = "unknown-network", "a network that is declared nowhere";
    UNKNOWN_SET = "unknown-set", "a prefix set that is declared nowhere";
    UNKNOWN_SERVICE = "unknown-service", "a service that is declared nowhere";
    UNKNOWN_GROUP = "unknown-group", "a group that is declared nowhere";
    UNKNOWN_INSTANCE = "unknown-instance", "an instance that is declared nowhere";
    UNKNOWN_LABEL = "unknown-label", "a `remove` of a label that no inherited rule has";
    DUPLICATE_NETWORK = "duplicate-network", "two networks of one name";
    DUPLICATE_SET = "duplicate-set", "two prefix sets of one name";
    DUPLICATE_SERVICE = "duplicate-service", "two services of one name";
    DUPLICATE_GROUP = "duplicate-group", "two groups of one name";
    DUPLICATE_INSTANCE = "duplicate-instance", "two instances of one name";
    DUPLICATE_LABEL = "duplicate-label", "two rules of one group and direction with the same label, inherited ones included";
    DUPLICATE_NIC = "duplicate-nic", "two NICs of one instance with the same interface name";
    RESERVED_NAME = "reserved-name", "an instance with a name that stands for something else";
    SET_CYCLE = "set-cycle", "prefix sets that contain each other";
    SERVICE_CYCLE = "service-cycle", "services that contain each other";
    CLONE_CYCLE = "clone-cycle", "groups that are clones of each other";
    // Whole-policy settings and descriptions.
    TIMEOUT_ZERO = "timeout-zero", "a session timeout of 0";
    TIMEOUT_OVERFLOW = "timeout-overflow", "a session timeout of more seconds than 32 bits hold";
    DUPLICATE_TIMEOUT = "duplicate-timeout", "two session timeouts";
    DUPLICATE_INNER_SCOPE = "duplicate-inner-scope", "two inner scopes";
    EMPTY_DESCRIPTION = "empty-description", "a description without a character";
    LONG_DESCRIPTION = "long-description", "a description of more than 512 characters";
    // Groups.
    MISSING_KIND = "missing-kind", "a group that does not say its kind";
    MISSING_NETWORK = "missing-network", "a group that does not say its network";
    MISSING_INNER = "missing-inner", "a basic group that does not say its inner policy";
    INNER_IN_ENTERPRISE = "inner-in-enterprise", "an inner policy in an enterprise group, which is always isolated";
    ENTERPRISE_IN_CLASSIC = "enterprise-in-classic", "an enterprise group in a classic network";
    DUPLICATE_ATTRIBUTE = "duplicate-attribute", "a group that says its kind, network or inner policy twice";
    DEFAULT_GROUP_LINE = "default-group-line", "a default group with more than its network";
    SECOND_DEFAULT_GROUP = "second-default-group", "two default groups in one network";
    REMOVE_WITHOUT_CLONE = "remove-without-clone", "a `remove` in a group that inherits nothing";
    SECTION_IN_VPC = "section-in-vpc", "a `public` or `internal` section in a group of a vpc network";
    MISSING_SECTION = "missing-section", "rules of a classic group outside a `public` or `internal` section";
    INHERITED_RULE = "inherited-rule", "a rule that is bad in the clone that inherits it";
    // Rules.
    PRIORITY = "priority", "a priority outside 1 to 100";
    PROTOCOL_NUMBER = "protocol-number", "a protocol number above 255";
    PORTLESS_PROTOCOL = "portless-protocol", "ports beside a protocol without ports";
    PORT_BESIDE_SERVICE = "port-beside-service", "ports beside a service";
    PORT_ZERO = "port-zero", "port 0";
    PORT_TOO_LARGE = "port-too-large", "a port above 65535";
    REVERSED_PORT_RANGE = "reversed-port-range", "a port range whose first port is above its last";
    HOST_BITS = "host-bits", "a prefix with bits behind its length";
    MISSING_PEER = "missing-peer", "a rule that does not say whom it is about";
    NO_SHARED_FAMILY = "no-shared-family", "a protocol and ends that share no address family";
    PEER_EQUALS_LOCAL = "peer-equals-local", "a rule whose two ends are the same addresses";
    GROUP_AS_LOCAL_FILTER = "group-as-local-filter", "a group at a rule's own end";
    OWN_GROUP_AS_PEER = "own-group-as-peer", "a group as the peer of its own rule";
    ENTERPRISE_AS_PEER = "enterprise-as-peer", "an enterprise group as a peer";
    GROUP_PEER_IN_ENTERPRISE = "group-peer-in-enterprise", "a group peer in a rule of an enterprise group";
    PEER_OF_OTHER_NETWORK = "peer-of-other-network", "a group of another network as a peer";
    GROUP_IN_PUBLIC_SECTION = "group-in-public-section", "a group peer in a classic public section";
    SET_IN_PUBLIC_SECTION = "set-in-public-section", "a prefix set in a classic public section";
    DUPLICATE_RULE = "duplicate-rule", "a rule that its group already has";
    EMPTY_PEER = "empty-peer", "a peer without any address: it matches nothing";
    // Instances.
    NO_NIC = "no-nic", "an instance without a NIC";
    INTERFACE_NAME = "interface-name", "a text that cannot name an interface";
    NIC_ADDRESS = "nic-address", "an address that no NIC can own";
    DUPLICATE_ADDRESS = "duplicate-address", "an address that is owned twice in one network";
    NIC_WITHOUT_GROUP = "nic-without-group", "a NIC that belongs to no group";
    NO_DEFAULT_GROUP = "no-default-group", "a NIC that names a network without a default group it could join";
    REPEATED_GROUP = "repeated-group", "a group that a NIC names twice";
    MIXED_KINDS = "mixed-kinds", "a NIC in basic and enterprise groups";
    MIXED_NETWORKS = "mixed-networks", "a NIC in groups of several networks";
    MISSING_SIDE = "missing-side", "a NIC of a classic network that is neither `public` nor `internal`";
    SIDE_IN_VPC = "side-in-vpc", "a `public` or `internal` NIC in a vpc network";
    // Expectations.
    EMPTY_EXPECT = "empty-expect", "an expectation that describes no packet";
    AMBIGUOUS_ADDRESS = "ambiguous-address", "an address in an expectation that instances of several networks own";
    TOO_MANY_ERRORS = "too-many-errors", "more errors than are worth reporting";
}
