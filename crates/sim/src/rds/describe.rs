//! `DescribeDBClusters` and `DescribeDBInstances`: by identifier, by filter, and page by page.

use chrono::{DateTime, Utc};

use super::identifiers::{Named, Place};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::state::{Cluster, Instance, State};
use super::{Answer, Rds, render};
use crate::query::Xml;

/// One filter of a request: any of the values.
pub(super) struct Filter {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// Which page is wanted.
pub(super) struct Page {
    most: usize,
    /// The identifier after which it begins.
    after: Option<String>,
}

impl Rds {
    pub(super) fn describe_clusters(
        &self,
        state: &State,
        at: DateTime<Utc>,
        mut parameters: Parameters,
    ) -> Answer {
        let id = parameters.take("DBClusterIdentifier");
        parameters.boolean("IncludeShared")?;
        let filters = filters(
            &mut parameters,
            &["clone-group-id", "db-cluster-id", "db-cluster-resource-id", "domain", "engine"],
        )?;
        let page = page(&mut parameters)?;
        parameters.finish("DescribeDBClusters", &[])?;
        let fits =
            |cluster: &Cluster| filters.iter().all(|filter| fits_cluster(&self.place, filter, cluster));
        let mut found: Vec<&Cluster> = state.clusters.values().map(AsRef::as_ref).collect();
        if let Some(id) = id {
            found.retain(|cluster| is_named(&self.place, "cluster", &id, &cluster.id));
            if found.is_empty() {
                return Err(Refusal::no_cluster(&id));
            }
        }
        found.retain(|cluster| fits(cluster));
        let marker = cut(&mut found, &page, |cluster| &cluster.id);
        let mut xml = Xml::default();
        xml.optional("Marker", marker).element("DBClusters", |xml| {
            for cluster in found {
                xml.element("DBCluster", |xml| render::cluster(xml, &self.place, state, cluster, at));
            }
        });
        Ok(Some(xml))
    }

    pub(super) fn describe_instances(&self, state: &State, mut parameters: Parameters) -> Answer {
        let id = parameters.take("DBInstanceIdentifier");
        let filters = filters(
            &mut parameters,
            &["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"],
        )?;
        let page = page(&mut parameters)?;
        parameters.finish("DescribeDBInstances", &[])?;
        let with_cluster = |instance| {
            let instance: &Instance = instance;
            state.clusters.get(&instance.cluster).map(|cluster| (instance, cluster.as_ref()))
        };
        let mut found: Vec<(&Instance, &Cluster)> =
            state.instances.values().map(AsRef::as_ref).filter_map(with_cluster).collect();
        if let Some(id) = id {
            found.retain(|(instance, _)| is_named(&self.place, "db", &id, &instance.id));
            if found.is_empty() {
                return Err(Refusal::no_instance(&id));
            }
        }
        found.retain(|(instance, cluster)| {
            filters.iter().all(|filter| fits_instance(&self.place, filter, instance, cluster))
        });
        let marker = cut(&mut found, &page, |(instance, _)| &instance.id);
        let mut xml = Xml::default();
        xml.optional("Marker", marker).element("DBInstances", |xml| {
            for (instance, cluster) in found {
                xml.element("DBInstance", |xml| render::instance(xml, &self.place, cluster, instance));
            }
        });
        Ok(Some(xml))
    }
}

/// Whether `text`, an identifier or ARN, names `id`.
pub(super) fn is_named(place: &Place, kind: &str, text: &str, id: &str) -> bool {
    matches!(place.named(kind, text), Named::Here(named) if named == id)
}

fn fits_cluster(place: &Place, filter: &Filter, cluster: &Cluster) -> bool {
    filter.values.iter().any(|value| match filter.name.as_str() {
        "clone-group-id" => cluster.clone_group.as_ref() == Some(value),
        "db-cluster-id" => is_named(place, "cluster", value, &cluster.id),
        "db-cluster-resource-id" => cluster.resource_id == *value,
        "engine" => cluster.engine == *value,
        // No cluster here is in a domain.
        _ => false,
    })
}

fn fits_instance(place: &Place, filter: &Filter, instance: &Instance, cluster: &Cluster) -> bool {
    filter.values.iter().any(|value| match filter.name.as_str() {
        "db-cluster-id" => is_named(place, "cluster", value, &cluster.id),
        "db-instance-id" => is_named(place, "db", value, &instance.id),
        "dbi-resource-id" => instance.resource_id == *value,
        "engine" => cluster.engine == *value,
        _ => false,
    })
}

/// Takes the filters of a request.
pub(super) fn filters(parameters: &mut Parameters, known: &[&str]) -> Result<Vec<Filter>, Refusal> {
    let mut filters = Vec::new();
    for mut fields in parameters.structures("Filters", "Filter")?.unwrap_or_default() {
        let name = fields.remove("Name").unwrap_or_default();
        if !known.contains(&name.as_str()) {
            return Err(Refusal::value(format!("Unrecognized filter name: {name}")));
        }
        let mut values = Vec::new();
        for (field, value) in fields {
            match field.strip_prefix("Values.Value.").map(str::parse::<u32>) {
                Some(Ok(_)) => values.push(value),
                _ => return Err(Refusal::combination(format!("Unknown parameter Filters.Filter.N.{field}"))),
            }
        }
        if values.is_empty() {
            return Err(Refusal::value(format!("The filter {name} has no values")));
        }
        filters.push(Filter { name, values });
    }
    Ok(filters)
}

/// Takes which page of the answer is wanted.
pub(super) fn page(parameters: &mut Parameters) -> Result<Page, Refusal> {
    let most = parameters.bounded("MaxRecords", 20, 100)?.unwrap_or(100);
    let after = match parameters.take("Marker") {
        None => None,
        Some(marker) => {
            Some(read_marker(&marker).ok_or_else(|| Refusal::value(format!("Invalid Marker: {marker}")))?)
        }
    };
    Ok(Page { most: usize::try_from(most).unwrap_or(100), after })
}

/// Keeps one page of what is in order of its identifiers, and returns the marker of the next.
pub(super) fn cut<T>(found: &mut Vec<T>, page: &Page, id: impl Fn(&T) -> &String) -> Option<String> {
    if let Some(after) = &page.after {
        found.retain(|item| id(item) > after);
    }
    if found.len() <= page.most {
        return None;
    }
    found.truncate(page.most);
    found.last().map(|last| write_marker(id(last)))
}

/// Opaque to clients: the last identifier of the page, byte by byte.
fn write_marker(id: &str) -> String {
    id.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn read_marker(marker: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = marker
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
        })
        .collect();
    String::from_utf8(digits?).ok().filter(|id| !id.is_empty())
}
