//! What a file is: a rule listing, a list of groups, or something else that is refused with the reason.

use palisade_ir::Verdict;

use super::codes;
use super::fields::{self, Field};
use super::permission::{self, Permission};
use crate::import::json::{Node, Object, Value};
use crate::import::report::{Report, Told, error};

/// A file of use.
#[derive(Debug)]
pub(super) enum Document<'t> {
    /// The rules of a group.
    Listing(Box<Listing<'t>>),
    /// What kinds of group there are, and where; without rules.
    Catalogue(Vec<Entry<'t>>),
}

/// A group as DescribeSecurityGroupAttribute or the console's export lists it.
#[derive(Debug)]
pub(super) struct Listing<'t> {
    pub(super) node: Node<'t>,
    pub(super) about: About<'t>,
    pub(super) inner: Option<Verdict>,
    pub(super) permissions: Vec<Permission<'t>>,
}

/// A group as DescribeSecurityGroups lists it.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub(super) node: Node<'t>,
    pub(super) about: About<'t>,
    pub(super) enterprise: Option<bool>,
}

/// What both say.
#[derive(Clone, Debug, Default)]
pub(super) struct About<'t> {
    pub(super) id: Option<Field<'t>>,
    pub(super) name: Option<Field<'t>>,
    pub(super) description: Option<Field<'t>>,
    /// Empty means classic; `None` when the file does not say.
    pub(super) vpc: Option<Field<'t>>,
}

const LISTING_KEYS: &[&str] = &[
    "Description",
    "InnerAccessPolicy",
    "MaxResults",
    "NextToken",
    "Permissions",
    "RegionId",
    "RequestId",
    "SecurityGroupId",
    "SecurityGroupName",
    "SnapshotPolicyIds",
    "VpcId",
];

const CATALOGUE_KEYS: &[&str] = &[
    "MaxResults",
    "NextToken",
    "PageNumber",
    "PageSize",
    "RegionId",
    "RequestId",
    "SecurityGroups",
    "TotalCount",
];

const ENTRY_KEYS: &[&str] = &[
    "AvailableInstanceAmount",
    "CreationTime",
    "Description",
    "EcsCount",
    "GroupToGroupRuleCount",
    "ResourceGroupId",
    "RuleCount",
    "SecurityGroupId",
    "SecurityGroupName",
    "SecurityGroupType",
    "ServiceID",
    "ServiceManaged",
    "Tags",
    "VpcId",
];

const WANTED: &str = "give the answer of DescribeSecurityGroupAttribute or the console's export of the rules";

/// Reads a file.
pub(super) fn read<'t>(node: &Node<'t>, report: &mut Report) -> Result<Document<'t>, Told> {
    let object = match fields::value(node, report)? {
        Value::List(nodes) => return export(node, &nodes, report).map(boxed),
        Value::Object(object) => fields::unique(object, report)?,
        Value::Null | Value::Flag | Value::Number(_) | Value::Text(_) => {
            return Err(no_listing(node, "it is a single value", report));
        }
    };
    if object.has("Permissions") {
        return listing(&object, report).map(boxed);
    }
    if let Some(groups) = object.get("SecurityGroups") {
        return catalogue(&object, groups, report).map(Document::Catalogue);
    }
    let reason = if object.has("SecurityGroupReferences") {
        "it lists which groups refer to others, and no rules (DescribeSecurityGroupReferences)"
    } else if object.has("Code") && object.has("Message") {
        "it is an error that the API answered"
    } else if object.has("SecurityGroupId") {
        "it names a group, and no rules (CreateSecurityGroup answers so)"
    } else {
        "it has neither `Permissions` nor `SecurityGroups`"
    };
    Err(no_listing(node, reason, report))
}

fn boxed(listing: Listing<'_>) -> Document<'_> {
    Document::Listing(Box::new(listing))
}

fn no_listing(node: &Node<'_>, reason: &str, report: &mut Report) -> Told {
    report.refuse(error(codes::NOT_A_LISTING, node, format!("not a rule listing: {reason}")).help(WANTED))
}

/// The console's export: permissions and nothing else.
fn export<'t>(node: &Node<'t>, nodes: &[Node<'t>], report: &mut Report) -> Result<Listing<'t>, Told> {
    for element in nodes {
        let known = matches!(fields::value(element, report)?, Value::Object(object) if object.has(permission::PROTOCOL));
        if !known {
            let reason = "it is a list, and not of permissions with an `IpProtocol`";
            return Err(no_listing(element, reason, report));
        }
    }
    if nodes.is_empty() {
        return Err(no_listing(node, "an empty list may be anything", report));
    }
    let permissions = permissions(nodes, report)?;
    Ok(Listing { node: node.clone(), about: About::default(), inner: None, permissions })
}

/// The answer of DescribeSecurityGroupAttribute.
fn listing<'t>(object: &Object<'t>, report: &mut Report) -> Result<Listing<'t>, Told> {
    fields::unknown_keys(object, LISTING_KEYS, "a rule listing", report);
    let complete = complete(object, report);
    let about = about(object, report);
    let inner = match fields::field(object, "InnerAccessPolicy", report) {
        Ok(Some(field)) => {
            let known = [("Accept", Verdict::Allow), ("Drop", Verdict::Deny)];
            field.word("InnerAccessPolicy", &known, report).map(Some)
        }
        Ok(None) => Ok(None),
        Err(told) => Err(told),
    };
    let nodes = inner_list(object, "Permissions", "Permission", report)?;
    let permissions = permissions(&nodes, report);
    complete?;
    Ok(Listing { node: object.node.clone(), about: about?, inner: inner?, permissions: permissions? })
}

/// The API lists at most 500 rules at once (its `MaxResults`); rules of a page that is missing may be denies.
fn complete(object: &Object<'_>, report: &mut Report) -> Result<(), Told> {
    let Some(token) = fields::field(object, "NextToken", report)? else { return Ok(()) };
    let help = "ask the API for all rules at once: `MaxResults` goes up to 1000";
    Err(report
        .refuse(error(codes::MORE_PAGES, &token.node, "the listing goes on on another page").help(help)))
}

fn permissions<'t>(nodes: &[Node<'t>], report: &mut Report) -> Result<Vec<Permission<'t>>, Told> {
    // All are read before one that is bad ends it: the user sees every error.
    let read: Vec<Result<Permission<'t>, Told>> =
        nodes.iter().map(|node| permission::read(node, report)).collect();
    read.into_iter().collect()
}

/// The answer of DescribeSecurityGroups. A page of it is as good as the whole.
fn catalogue<'t>(
    object: &Object<'t>,
    groups: &Node<'t>,
    report: &mut Report,
) -> Result<Vec<Entry<'t>>, Told> {
    if let Value::List(_) = fields::value(groups, report)? {
        let reason =
            "its `SecurityGroups` is a plain list, as AWS gives it; only Alibaba Cloud's listings are read";
        return Err(no_listing(groups, reason, report));
    }
    fields::unknown_keys(object, CATALOGUE_KEYS, "a list of groups", report);
    let nodes = inner_list(object, "SecurityGroups", "SecurityGroup", report)?;
    let read: Vec<Result<Entry<'t>, Told>> = nodes.iter().map(|node| entry(node, report)).collect();
    read.into_iter().collect()
}

fn entry<'t>(node: &Node<'t>, report: &mut Report) -> Result<Entry<'t>, Told> {
    let object = fields::object(node, report)?;
    fields::unknown_keys(&object, ENTRY_KEYS, "a group", report);
    let about = about(&object, report)?;
    if about.id.is_none() {
        return Err(permission::missing(&object, "SecurityGroupId", "write the group's id", report));
    }
    let enterprise = match fields::field(&object, "SecurityGroupType", report)? {
        Some(field) => {
            let known = [("normal", false), ("enterprise", true)];
            Some(field.word("SecurityGroupType", &known, report)?)
        }
        None => None,
    };
    Ok(Entry { node: node.clone(), about, enterprise })
}

/// `"Permissions": {"Permission": [...]}`
fn inner_list<'t>(
    object: &Object<'t>,
    outer: &str,
    inner: &str,
    report: &mut Report,
) -> Result<Vec<Node<'t>>, Told> {
    let Some(node) = object.get(outer) else { return Ok(Vec::new()) };
    let holder = fields::object(node, report)?;
    fields::unknown_keys(&holder, &[inner], &format!("`{outer}`"), report);
    match holder.get(inner) {
        Some(node) => fields::list(node, report),
        None => Err(permission::missing(&holder, inner, "write the list, or `[]` for an empty one", report)),
    }
}

fn about<'t>(object: &Object<'t>, report: &mut Report) -> Result<About<'t>, Told> {
    Ok(About {
        id: fields::field(object, "SecurityGroupId", report)?,
        name: fields::field(object, "SecurityGroupName", report)?,
        description: fields::field(object, "Description", report)?,
        vpc: fields::field_or_empty(object, "VpcId", report)?,
    })
}
