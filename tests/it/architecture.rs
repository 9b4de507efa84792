//! The floors of the house, read from its sources: what may import what, who may name Stripe's crates, where
//! queries stand, and how long a file may be. Each check takes plain text, so that [`planted`] can show it finding what
//! it must.

mod names;
mod planted;

use std::{collections::BTreeSet, fs, path::PathBuf};

use regex::Regex;

use self::names::{Names, Source, module_of};

/// The modules from the ground up. Each imports only what stands before it; rooms that are still to be built have
/// their place already.
const FLOORS: &[&[&str]] = &[
    &["clock", "seal", "config", "failpoint", "db", "telemetry"],
    &["stripe", "context"],
    KITS,
    &["ledger"],
    &[
        "sellers",
        "buyers",
        "catalog",
        "commissions",
        "checkout",
        "transfers",
        "refunds",
        "disputes",
        "payouts",
        "billing",
        "statements",
        "attention",
    ],
    &["events", "worker", "server", "explain", "app"],
];
const KITS: &[&str] = &["jobs", "notify", "idempotency", "outbox", "invariants", "webhooks", "api"];

/// The command line stands on top, in a crate of its own that cargo keeps apart.
const COMMAND_LINE: &[&str] = &["src/main.rs", "src/cli/"];

/// What may be named of sea-orm where no queries stand: to hold a connection, to hand on an error, to fill in a
/// row. None of it makes a query.
const NO_QUERIES: &[&str] = &[
    "ActiveEnum",
    "ActiveValue",
    "ConnectionTrait",
    "DatabaseConnection",
    "DatabaseTransaction",
    "DbErr",
    "IntoActiveModel",
];
/// What sends a statement through a connection without naming anything else of sea-orm.
const SENDING: &[&str] = &[
    "execute",
    "execute_raw",
    "execute_unprepared",
    "query_all",
    "query_all_raw",
    "query_one",
    "query_one_raw",
    "stream",
    "stream_raw",
];

/// The crates beside the service, and whom each must not know.
const APART: &[(&str, &[&str])] = &[
    ("sandbox", &["souk", "souk_entity", "souk_migration", "stripe", "async_stripe"]),
    ("migration", &["souk", "souk_entity", "souk_sandbox"]),
    ("entity", &["souk", "souk_migration", "souk_sandbox"]),
];

/// A file that is longer has two subjects. Tests are not counted.
const MOST_LINES: usize = 450;

#[test]
fn every_module_imports_downward_only() {
    let sources = sources("src");
    let checkout = sources.iter().find(|source| source.name == "src/checkout/create.rs").unwrap();
    let sellers = ["crate".to_owned(), "sellers".to_owned()];
    assert!(Names::of(checkout, true).paths.contains(&sellers[..]), "an edge that is there was not seen");
    assert_none(sources.iter().flat_map(upward_edges).collect());
}

#[test]
fn the_map_in_lib_rs_is_complete_and_in_the_order_of_the_floors() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert_none(faults_of_map(&map));
}

#[test]
fn only_the_gateway_names_stripes_crates() {
    let crates = stripe_crates(&fs::read_to_string(root().join("Cargo.toml")).unwrap());
    let gateway: Vec<Source> =
        sources("src").into_iter().filter(|source| source.name.starts_with("src/stripe/")).collect();
    assert!(
        gateway.iter().any(|source| !names_of_crates(source, &crates).is_empty()),
        "{crates:?} are not used"
    );
    let others = sources("src").into_iter().filter(|source| !source.name.starts_with("src/stripe/"));
    assert_none(others.flat_map(|source| names_of_crates(&source, &crates)).collect());
}

#[test]
fn queries_stand_in_stores_kits_and_tables_alone() {
    assert_none(sources("src").iter().flat_map(queries_out_of_place).collect());
}

#[test]
fn the_crates_beside_the_service_stay_apart() {
    let stripes = stripe_crates(&fs::read_to_string(root().join("Cargo.toml")).unwrap());
    for (krate, strangers) in APART {
        let manifest = fs::read_to_string(root().join(krate).join("Cargo.toml")).unwrap();
        let mut strangers: Vec<String> = strangers.iter().map(|stranger| (*stranger).to_owned()).collect();
        strangers.extend(stripes.iter().cloned());
        let mut faults = dependencies_on(krate, &manifest, &strangers);
        faults.extend(sources(krate).iter().flat_map(|source| names_of_crates(source, &strangers)));
        assert_none(faults);
    }
}

#[test]
fn no_file_is_longer_than_one_subject_takes() {
    let all = ["src", "entity/src", "sandbox/src"].into_iter().flat_map(sources);
    assert_none(all.filter_map(|source| too_long(&source)).collect());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a directory.
fn sources(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push(Source { name, text: fs::read_to_string(&path).unwrap() });
        }
    }
    assert!(!found.is_empty(), "{directory} holds no sources");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn height(module: &str) -> Option<usize> {
    FLOORS.iter().copied().flatten().position(|known| *known == module)
}

fn upward_edges(source: &Source) -> Vec<String> {
    if COMMAND_LINE.iter().any(|top| source.name.starts_with(top)) || source.name == "src/lib.rs" {
        return Vec::new();
    }
    let module = &module_of(&source.name)[0];
    let Some(own) = height(module) else { return vec![format!("{}: `{module}` has no floor", source.name)] };
    let names = Names::of(source, true);
    let ours = names.paths.iter().filter(|path| path[0] == "crate");
    ours.filter_map(|path| {
        let target = path.get(1).map_or("*", String::as_str);
        match height(target) {
            Some(height) if height <= own => None,
            Some(_) => Some(format!("{}: `{module}` stands below `{}`", source.name, path.join("::"))),
            None => Some(format!("{}: `{}` is on no floor", source.name, path.join("::"))),
        }
    })
    .collect()
}

/// The map is the list in the documentation of lib.rs: it must hold every module once, floor by floor.
fn faults_of_map(lib: &str) -> Vec<String> {
    let entry = Regex::new(r"(?m)^//! (?:Floor (\d)|- \[`(\w+)`\])").unwrap();
    let declared = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    let (mut faults, mut floor, mut drawn) = (Vec::new(), "none".to_owned(), Vec::new());
    for line in entry.captures_iter(lib) {
        if let Some(number) = line.get(1) {
            number.as_str().clone_into(&mut floor);
        } else {
            let module = line[2].to_owned();
            let on = FLOORS.iter().position(|floor| floor.contains(&module.as_str()));
            if on.map(|on| on.to_string()).as_ref() != Some(&floor) {
                faults.push(format!("`{module}` does not belong on floor {floor}"));
            }
            drawn.push(module);
        }
    }
    if !drawn.is_sorted_by_key(|module| height(module)) {
        faults.push(format!("the map is not in the order of the floors: {drawn:?}"));
    }
    let declared: BTreeSet<String> = declared.captures_iter(lib).map(|module| module[1].to_owned()).collect();
    let drawn: BTreeSet<String> = drawn.into_iter().collect();
    faults.extend(
        declared.symmetric_difference(&drawn).map(|module| {
            format!("`{module}` is declared and not on the map, or on the map and not declared")
        }),
    );
    faults
}

/// The names by which Rust knows the crates of async-stripe in a manifest.
fn stripe_crates(manifest: &str) -> Vec<String> {
    let crates = Regex::new(r"(?m)^async-stripe-([\w-]+)").unwrap();
    let names = crates.captures_iter(manifest).map(|found| found[1].replace('-', "_"));
    let names: Vec<String> =
        names.flat_map(|name| [format!("stripe_{name}"), format!("async_stripe_{name}")]).collect();
    assert!(!names.is_empty(), "the manifest names no crate of async-stripe");
    names
}

/// Where a file names one of these crates.
fn names_of_crates(source: &Source, crates: &[String]) -> Vec<String> {
    let names = Names::of(source, true);
    let found = names.paths.iter().filter(|path| crates.contains(&path[0]));
    found.map(|path| format!("{} names `{}`", source.name, path.join("::"))).collect()
}

/// The dependencies of a manifest on one of these crates, by its own name or another.
fn dependencies_on(krate: &str, manifest: &str, crates: &[String]) -> Vec<String> {
    let lines = manifest.lines().filter(|line| !line.trim_start().starts_with('#'));
    let dependency = lines.filter(|line| {
        let name =
            line.split(['=', '.']).next().unwrap_or_default().trim().trim_matches('"').replace('-', "_");
        let renamed =
            crates.iter().any(|one| line.contains(&format!("package = \"{}\"", one.replace('_', "-"))));
        renamed || crates.contains(&name) || name.starts_with("async_stripe")
    });
    dependency.map(|line| format!("{krate}/Cargo.toml: {line}")).collect()
}

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.ends_with("_tests.rs") || name.contains("/tests/")
}

fn queries_out_of_place(source: &Source) -> Vec<String> {
    let may = source.name.ends_with("/store.rs")
        || source.name == "src/db.rs"
        || KITS.iter().any(|kit| source.name.starts_with(&format!("src/{kit}/")));
    if may || is_test(&source.name) {
        return Vec::new();
    }
    let names = Names::of(source, false);
    let is_query = |path: &&Vec<String>| {
        let of_sea_orm = path[0] == "sea_orm"
            && !path.get(1).is_some_and(|name| NO_QUERIES.contains(&name.as_str()) && path.len() <= 3);
        let of_table = path.iter().any(|segment| segment == "Entity" || segment == "Column");
        of_sea_orm || of_table || matches!(path[0].as_str(), "sea_query" | "sqlx")
    };
    let paths = names.paths.iter().filter(is_query).map(|path| path.join("::"));
    let calls = names.methods.iter().filter(|method| SENDING.contains(&method.as_str())).cloned();
    paths.chain(calls).map(|found| format!("{}: `{found}` belongs into a store.rs", source.name)).collect()
}

fn too_long(source: &Source) -> Option<String> {
    if is_test(&source.name) {
        return None;
    }
    let lines = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
    (lines > MOST_LINES).then(|| format!("{} has {lines} lines; at most {MOST_LINES}", source.name))
}
