//! Reads a source file as Rust: every path that it names, every method that it calls.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;
use syn::{
    Attribute, ItemExternCrate, ItemFn, ItemMod, ItemUse, Macro, UseTree, ext::IdentExt, visit::Visit,
};

static STRINGS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap());
static PATHS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+(?:\s*::\s*\w+)+").unwrap());
static METHODS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\.\s*(\w+)\s*\(").unwrap());

/// A file of ours, by its path from the root.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// Every path that a file names, from its root: `crate::...` for what is in its own crate.
pub(super) struct Names {
    module: Vec<String>,
    with_tests: bool,
    pub(super) paths: BTreeSet<Vec<String>>,
    pub(super) methods: BTreeSet<String>,
}

impl Names {
    /// Reads a file, with or without what is compiled for tests alone.
    pub(super) fn of(source: &Source, with_tests: bool) -> Self {
        let file = syn::parse_file(&source.text)
            .unwrap_or_else(|error| panic!("{} is not Rust: {error}", source.name));
        let (module, paths, methods) = (module_of(&source.name), BTreeSet::new(), BTreeSet::new());
        let mut names = Self { module, with_tests, paths, methods };
        names.visit_file(&file);
        names
    }

    /// Keeps a path; `self` and `super` are followed.
    fn keep(&mut self, segments: Vec<String>) {
        let mut at = self.module.clone();
        let mut rest = segments.iter().peekable();
        let mut is_relative = false;
        while let Some(step) = rest.next_if(|step| matches!(step.as_str(), "self" | "super")) {
            is_relative = true;
            if step == "super" {
                at.pop();
            }
        }
        let path = if is_relative {
            ["crate".to_owned()].into_iter().chain(at).chain(rest.cloned()).collect()
        } else {
            segments
        };
        self.paths.insert(path);
    }

    fn keep_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.unraw().to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.keep_tree(&path.tree, &with(&path.ident)),
            // `use a::{self}` is `a`.
            UseTree::Name(name) if name.ident == "self" => self.keep(before.to_vec()),
            UseTree::Name(name) => self.keep(with(&name.ident)),
            UseTree::Rename(rename) => self.keep(with(&rename.ident)),
            UseTree::Glob(_) => self.keep([before, &["*".to_owned()]].concat()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.keep_tree(tree, before)),
        }
    }

    fn skips(&self, attributes: &[Attribute]) -> bool {
        let is_test = |attribute: &Attribute| {
            attribute.path().is_ident("test")
                || (attribute.path().is_ident("cfg")
                    && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test"))
        };
        !self.with_tests && attributes.iter().any(is_test)
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
        if segments.len() > 1 || path.leading_colon.is_some() {
            self.keep(segments);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !self.skips(&item.attrs) {
            self.keep_tree(&item.tree, &[]);
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        self.keep(vec![item.ident.unraw().to_string()]);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if self.skips(&item.attrs) {
            return;
        }
        self.module.push(item.ident.unraw().to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !self.skips(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.methods.insert(call.method.unraw().to_string());
        syn::visit::visit_expr_method_call(self, call);
    }

    /// What a macro is given need not be Rust; its paths and method calls are found as text.
    fn visit_macro(&mut self, call: &'ast Macro) {
        let text = call.tokens.to_string();
        let text = STRINGS.replace_all(&text, "");
        for path in PATHS.find_iter(&text) {
            self.keep(path.as_str().split("::").map(|segment| segment.trim().to_owned()).collect());
        }
        self.methods.extend(METHODS.captures_iter(&text).map(|call| call[1].to_owned()));
        syn::visit::visit_macro(self, call);
    }
}

/// `src/api/money.rs` is `api::money`. A file `x_tests.rs` is the module `tests` of `x`, by its `#[path]`.
pub(super) fn module_of(name: &str) -> Vec<String> {
    let path = name.split_once("src/").map_or(name, |(_, path)| path);
    let path = path.strip_suffix(".rs").unwrap_or(path).replace("_tests", "/tests");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    module
}
