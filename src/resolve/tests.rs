//! Good policies by value. What is refused, and how, is tested by the files under `tests/bad`.

use super::resolve;
use crate::policy::Policy;
use crate::source::load_text;

fn good(text: &str) -> Policy {
    let loaded = load_text("policy.sg", text);
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    let (policy, found) = resolve(&loaded.files);
    assert!(found.iter().all(|one| !one.is_error()), "{found:#?}");
    policy.expect("a policy without errors resolves")
}

const SAMPLE: &str = r#"
session timeout 910s
network prod = vpc
network dflt = vpc

set office "HQ and branches" = [
  198.51.100.0/24,
  2001:db8:40::/48,
] except 198.51.100.66

service web = tcp [80, 443]

group fallback default with web {
  network dflt
}

group bastion {
  kind basic
  network prod
  inner deny
}

group web "Public web tier" {
  kind basic
  network prod
  inner allow

  in {
    1 deny all from 192.0.2.66 "abuse, ticket 4711"
    10 allow service web from any
    20 allow tcp from group bastion to port 22 as ssh
    30 allow udp from [set office, 10.9.0.0/16] port 1024-65535 to 10.0.1.0/24 port [4500, 7000-7010]
    40 allow icmp from any
  }

  out {
    10 allow tcp to any port 443
    100 deny gre to any log
  }
}

group web-canary clone web "Web tier without shell access" {
  remove in ssh

  in {
    5 deny tcp from 198.51.100.9 to port 443
  }
}

instance web-1 "first front end" {
  nic eth0 address [10.0.1.10, fd00:1::10] groups web
}
instance other {
  nic eth0 address 10.0.1.10 network dflt
}

expect allow tcp from 1.2.3.4 to web-1 port 443
expect deny tcp from 192.0.2.66 to web-1 port 443
expect allow tcp from web-1 to 9.9.9.9 port 443
"#;

#[test]
fn sample() {
    let policy = good(SAMPLE);
    println!("{policy:#?}");
}
