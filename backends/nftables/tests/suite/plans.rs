//! A few plans that show every shape of line.

use palisade_ir::{Family, NetworkId, Plan, RuleSource, SetKind};

use crate::build::*;

/// A web server: sets and groups, both halves of a rule, fragments, other protocols.
pub(crate) fn web() -> Plan {
    let mut plan = plan();
    plan.sets = Vec::new();
    let group = add_set(&mut plan, SetKind::Group, "web", "10.0.1.10 10.0.1.11 2001:db8::10");
    let office = add_set(&mut plan, SetKind::Set, "office", "203.0.113.0/24 198.51.100.7 2001:db8:ff::/48");
    plan.sets[office.0 as usize].description = Some("the \"main\" office".to_owned());
    let inner = add_info(&mut plan, RuleSource::InnerAccess { group: name("web") }, None);
    let http = source(&mut plan, "web in 10 http", Some("anybody may browse"));
    let ssh = source(&mut plan, "web in 20 ssh", Some("admins only"));
    let dns = source(&mut plan, "web in 30", None);
    let ping = source(&mut plan, "web in 40 ping", None);
    let probe = source(&mut plan, "web in 50 probe", None);
    let smtp = source(&mut plan, "web out 5 no-mail", Some("no mail from here"));
    let lan = source(&mut plan, "web out 9", None);
    let mut ingress = vec![
        rule(inner, 0, ALLOW, any(Family::V4).members(&plan, group)),
        rule(inner, 0, ALLOW, any(Family::V6).members(&plan, group)),
        rule(ssh, 20, ALLOW, any(Family::V4).members(&plan, office).proto(&[6]).dport(&[(22, 22)])),
        rule(ssh, 20, ALLOW, any(Family::V6).members(&plan, office).proto(&[6]).dport(&[(22, 22)])),
        rule(ping, 40, ALLOW, any(Family::V4).proto(&[1])),
        rule(ping, 40, ALLOW, any(Family::V6).proto(&[58])),
        rule(
            probe,
            50,
            ALLOW,
            any(Family::V4)
                .from("192.0.2.1 192.0.2.128/25")
                .to("10.0.1.10")
                .proto(&[17])
                .sport(&[(1024, 65535)])
                .dport(&[(53, 53), (5000, 5010)]),
        ),
        rule(probe, 50, ALLOW, any(Family::V4).proto(&[47, 50, 51])),
    ];
    ingress.extend(both(http, 10, ALLOW, |t| t.proto(&[6]).dport(&[(80, 80), (443, 443)])));
    ingress.extend(both(dns, 30, ALLOW, |t| t.proto(&[6, 17]).dport(&[(53, 53)])));
    let mut egress = both(smtp, 5, DENY, |t| t.proto(&[6]).dport(&[(25, 25)]));
    egress.push(rule(lan, 9, logged(DENY), any(Family::V4).to("10.0.0.0/8")));
    add_instance(&mut plan, "web1", vec![nic("eth0", "10.0.1.10 2001:db8::10", ingress, egress)]);
    plan
}

/// Two NICs that share an address, odd interface names, long lists, logs, `any` rules of one family.
pub(crate) fn odd() -> Plan {
    let mut plan = plan();
    plan.session_timeout = 45;
    plan.networks.push(name("test"));
    let many = source(&mut plan, "ops in 1 many", None);
    let all = source(&mut plan, "ops in 2", None);
    let out = source(&mut plan, "ops out 3 everything", None);
    let hosts: String = (0..12).map(|n| format!("192.0.2.{} ", n * 4)).collect();
    let odd_ports: Vec<(u16, u16)> = (0..10).map(|n| (n * 10, n * 10 + n % 2)).collect();
    let rest: Vec<u8> = (0..=255).filter(|number| *number != 6 && *number != 200).collect();
    let ingress = vec![
        rule(many, 1, ALLOW, any(Family::V4).from(&hosts).proto(&[6]).dport(&odd_ports)),
        rule(
            many,
            1,
            ALLOW,
            any(Family::V4)
                .from(&hosts.replace("192.0.2.0 ", ""))
                .to(&hosts)
                .proto(&[6, 17])
                .sport(&[(5, 5)])
                .dport(&[(7, 7)]),
        ),
        rule(all, 2, logged(DENY), any(Family::V6).proto(&rest)),
        rule(all, 3, ALLOW, any(Family::V6)),
        rule(all, 4, ALLOW, any(Family::V4).proto(&[17]).dport(&[(0, 65535)])),
    ];
    let egress = both(out, 3, logged(ALLOW), |t| t);
    let mut first = nic("eth0.5:1@x", "10.9.0.1 10.9.0.2 2001:db8:9::1", ingress.clone(), egress.clone());
    first.egress = palisade_ir::Chain::new(egress, palisade_ir::Verdict::Deny, palisade_ir::RuleId(1)).into();
    let mut second = nic("6to4", "10.9.0.1 10.9.0.3", ingress, Vec::new());
    second.network = NetworkId(1);
    add_instance(&mut plan, "ops-1", vec![first, second]);
    plan
}

/// Instances behind a gateway: an interface each, a shared bridge, and addresses only.
pub(crate) fn fleet() -> Plan {
    let mut plan = plan();
    let group = add_set(&mut plan, SetKind::Group, "web", "10.0.0.1 10.0.0.2 2001:db8::1");
    let inner = add_info(&mut plan, RuleSource::InnerAccess { group: name("web") }, None);
    let sql = source(&mut plan, "db in 6 sql", None);
    let mail = source(&mut plan, "web out 7", None);
    let ingress = vec![
        rule(inner, 0, ALLOW, any(Family::V4).members(&plan, group)),
        rule(inner, 0, ALLOW, any(Family::V6).members(&plan, group)),
    ];
    let egress = both(mail, 7, logged(DENY), |t| t.proto(&[6]).dport(&[(25, 25)]));
    let db =
        vec![rule(sql, 6, ALLOW, any(Family::V4).members(&plan, group).proto(&[6]).dport(&[(3306, 3306)]))];
    add_instance(&mut plan, "db1", vec![nic("eth0", "10.0.2.1 2001:db8:2::1", db.clone(), Vec::new())]);
    let far = |mut nic: palisade_ir::NicPlan| {
        nic.network = NetworkId(1);
        nic
    };
    plan.networks.push(name("test"));
    add_instance(
        &mut plan,
        "web1",
        vec![
            behind("tap1", nic("eth0", "10.0.0.1 2001:db8::1", ingress.clone(), egress.clone())),
            behind("br0", nic("eth1", "10.0.9.1", db.clone(), egress.clone())),
        ],
    );
    add_instance(
        &mut plan,
        "web2",
        vec![behind("br0", nic("eth0", "10.0.0.2", ingress.clone(), egress.clone()))],
    );
    add_instance(&mut plan, "web3", vec![far(behind("tap3", nic("eth0", "10.0.0.1", ingress, egress)))]);
    plan
}
