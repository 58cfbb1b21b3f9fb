//! Schemas, as the migrations of a service leave them on the engine that tests use.
//!
//! What they leave is written down in `schema/` of the service, for people: a change of a
//! migration shows there what it does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, Connection, PgConnection, SqliteConnection};
use sea_orm::{ConnectOptions, Database as Orm, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use super::{ROLES, on_postgres, settings};
use crate::Clock;
use crate::config;
use crate::db::Database;

/// A table with everything that belongs to it, in the words of its engine.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: Vec<Column>,
    /// Primary keys, checks and references.
    constraints: Vec<String>,
    /// Statements: indexes, row-level security, grants.
    others: Vec<String>,
}

/// Name, type, whether it must be given, and what it is by default.
type Column = (String, String, bool, Option<String>);

type Tables = BTreeMap<String, Table>;

/// Compares what the migrations of a service leave with `schema/` in the folder of its crate.
///
/// # Panics
///
/// If they differ; `ARRS_WRITE=1` writes it down anew.
pub async fn is_written_down<M: MigratorTrait>(service: &str, crate_folder: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(service).await;
    let opened = Database::open(&settings, service, folder.path(), Clock::system()).await;
    let database = opened.expect("a test has a database");
    database.migrate::<M>().await.expect("an empty database can be brought up to date");
    let found = render(service, &read(&settings, service, folder.path()).await);

    let engine = if on_postgres() { "postgres" } else { "sqlite" };
    let path = Path::new(crate_folder).join("schema").join(format!("{engine}.sql"));
    if std::env::var("ARRS_WRITE").as_deref() == Ok("1") {
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it is ours");
        std::fs::write(&path, &found).expect("it is ours");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<String> =
        different(&known, &found, '-').chain(different(&found, &known, '+')).collect();
    assert!(
        known == found,
        "{} says otherwise (ARRS_WRITE=1 writes it anew; look at the difference):\n{}",
        path.display(),
        changed.join("\n")
    );
}

/// The lines of one text that another does not have.
fn different<'a>(of: &'a str, other: &'a str, mark: char) -> impl Iterator<Item = String> + 'a {
    let missing = move |line: &&str| !other.lines().any(|known| known == *line);
    of.lines().filter(missing).map(move |line| format!("{mark} {line}"))
}

/// No version served PostgreSQL before this migration.
const POSTGRES_SINCE: &str = "m0009_row_security";

/// Applies the migrations of a service one by one: whoever serves by what was there before goes on
/// serving. Nobody serves between two that go `together`, each named by the second.
///
/// # Panics
///
/// If one takes something away or asks for more.
pub async fn grows_by_additions<M: MigratorTrait>(service: &str, together: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(service).await;
    let database = owner(&settings, service, folder.path()).await;
    let mut served = (!on_postgres()).then(Tables::new);
    let mut wrong = Vec::new();
    let mut migrations = M::migrations().into_iter().peekable();
    while let Some(migration) = migrations.next() {
        M::up(&database, Some(1)).await.expect("each migration can be applied alone");
        let tables = read(&settings, service, folder.path()).await;
        let broken = served.iter().flat_map(|served| broken(served, &tables));
        wrong.extend(broken.map(|what| format!("{}: {what}", migration.name())));
        let goes_on = migrations.peek().is_some_and(|next| together.contains(&next.name()));
        if (served.is_some() || migration.name() == POSTGRES_SINCE) && !goes_on {
            served = Some(tables);
        }
    }
    assert!(wrong.is_empty(), "not safe while the version before serves:\n{}", wrong.join("\n"));
}

/// What a version that knows the tables of before can no longer do.
fn broken(before: &Tables, after: &Tables) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, known) in before {
        let Some(table) = after.get(name) else {
            broken.push(format!("{name} is gone"));
            continue;
        };
        for column in &known.columns {
            if !table.columns.contains(column) {
                broken.push(format!("{name}.{} is gone or changed", column.0));
            }
        }
        for (column, _, required, default) in &table.columns {
            let new = !known.columns.iter().any(|(known, ..)| known == column);
            if new && *required && default.is_none() {
                broken.push(format!("{name}.{column} is new, and must be given"));
            }
        }
        let narrower =
            |line: &&String| !line.starts_with("CREATE INDEX") && !line.starts_with("GRANT");
        let new =
            |line: &&String| !known.constraints.contains(line) && !known.others.contains(line);
        let lines = table.constraints.iter().chain(table.others.iter().filter(narrower));
        broken.extend(lines.filter(new).map(|line| format!("{name} takes less: {line}")));
    }
    broken
}

/// A connection of whoever migrates, to a database that is still empty.
async fn owner(settings: &config::Database, service: &str, folder: &Path) -> DatabaseConnection {
    let mut options = match on_postgres() {
        true => ConnectOptions::new(settings.migrate_url.expose()),
        false => ConnectOptions::new(format!("sqlite:{}?mode=rwc", file(service, folder))),
    };
    if on_postgres() {
        let mut connection = of_owner(settings, service).await;
        let make = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {service}"));
        sqlx::query(make).execute(&mut connection).await.expect("it is the owner's");
        options.set_schema_search_path(service);
    }
    Orm::connect(options).await.expect("a test has a database")
}

async fn of_owner(settings: &config::Database, service: &str) -> PgConnection {
    let options = settings.migrate_url.expose().parse::<PgConnectOptions>();
    let options = options.expect("an address").options([("search_path", service)]);
    PgConnection::connect_with(&options).await.expect("the server is there")
}

fn file(service: &str, folder: &Path) -> String {
    folder.join(format!("{service}.db")).display().to_string()
}

async fn read(settings: &config::Database, service: &str, folder: &Path) -> Tables {
    let tables = match on_postgres() {
        true => read_postgres(&mut of_owner(settings, service).await).await,
        false => {
            let file = file(service, folder);
            read_sqlite(&mut SqliteConnection::connect(&file).await.expect("it is there")).await
        }
    };
    tables.expect("the catalogue can be read")
}

async fn read_sqlite(connection: &mut SqliteConnection) -> sqlx::Result<Tables> {
    let mut tables = Tables::new();
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await?;
    for name in names {
        let columns =
            "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info($1) ORDER BY cid";
        let columns = sqlx::query_as(columns).bind(&name).fetch_all(&mut *connection).await?;
        let key = "SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk";
        let key: Vec<String> =
            sqlx::query_scalar(key).bind(&name).fetch_all(&mut *connection).await?;
        let others = "SELECT replace(sql, '\"', '') FROM sqlite_master \
                      WHERE type IN ('index', 'trigger') AND tbl_name = $1 AND sql IS NOT NULL \
                      ORDER BY type, name";
        let others = sqlx::query_scalar(others).bind(&name).fetch_all(&mut *connection).await?;
        let sql = "SELECT replace(sql, '\"', '') FROM sqlite_master WHERE name = $1";
        let sql: String = sqlx::query_scalar(sql).bind(&name).fetch_one(&mut *connection).await?;
        let mut constraints = checks(&sql);
        constraints.push(format!("PRIMARY KEY ({})", key.join(", ")));
        tables.insert(name, Table { columns, constraints, others });
    }
    Ok(tables)
}

/// The checks of a statement that makes a table, which no other place of the catalogue tells.
fn checks(sql: &str) -> Vec<String> {
    let begins = sql.match_indices("CHECK (").map(|(at, _)| &sql[at..]);
    let whole = |text: &str| {
        let mut depth = 0;
        let end = text.char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            (depth == 0 && c == ')').then_some(at)
        });
        text[..=end.unwrap_or(text.len() - 1)].to_owned()
    };
    begins.map(whole).collect()
}

/// What belongs to a table beside its columns, in the order in which it is shown.
const OTHERS: [&str; 4] = [
    "SELECT pg_get_indexdef(i.indexrelid, 0, true) FROM pg_index i \
     WHERE i.indrelid = to_regclass($1) \
     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1",
    "SELECT format('ALTER TABLE %s %s ROW LEVEL SECURITY', relname, way) FROM pg_class, \
     LATERAL (VALUES ('ENABLE', relrowsecurity), ('FORCE', relforcerowsecurity)) ways (way, set) \
     WHERE oid = to_regclass($1) AND set ORDER BY 1",
    "SELECT format('CREATE POLICY %s ON %s USING (%s) WITH CHECK (%s)', polname, $1, \
     pg_get_expr(polqual, polrelid, true), pg_get_expr(polwithcheck, polrelid, true)) \
     FROM pg_policy WHERE polrelid = to_regclass($1) ORDER BY 1",
    "SELECT format('GRANT %s ON %s TO %s', string_agg(privilege_type, ', ' ORDER BY privilege_type), \
     $1, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) \
     FROM pg_class, LATERAL aclexplode(relacl) \
     WHERE oid = to_regclass($1) AND grantee <> relowner GROUP BY grantee ORDER BY 1",
];

async fn read_postgres(connection: &mut PgConnection) -> sqlx::Result<Tables> {
    let mut tables = Tables::new();
    let names = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await?;
    for name in names {
        let columns = "SELECT attname::text, format_type(atttypid, atttypmod), \
                       attnotnull, pg_get_expr(adbin, adrelid) \
                       FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) \
                       WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped \
                       ORDER BY attnum";
        let columns = sqlx::query_as(columns).bind(&name).fetch_all(&mut *connection).await?;
        // Newer servers list what must be given among the constraints as well.
        let constraints = "SELECT pg_get_constraintdef(oid, true) FROM pg_constraint \
                           WHERE conrelid = to_regclass($1) AND contype <> 'n' ORDER BY contype, 1";
        let constraints = sqlx::query_scalar(constraints).bind(&name);
        let constraints = constraints.fetch_all(&mut *connection).await?;
        let mut others = Vec::new();
        for question in OTHERS {
            let lines = sqlx::query_scalar::<_, String>(question).bind(&name);
            let lines = lines.fetch_all(&mut *connection).await?;
            others.extend(lines.iter().map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let line = words.join(" ").replace(ROLES[1], "serving");
                line.replace(" USING (", "\n    USING (")
                    .replace(" WITH CHECK (", "\n    WITH CHECK (")
                    .replace(" OR ", "\n        OR ")
            }));
        }
        tables.insert(name, Table { columns, constraints, others });
    }
    Ok(tables)
}

/// The tables in the order of their names, as statements.
fn render(service: &str, tables: &Tables) -> String {
    let engine = if on_postgres() { "PostgreSQL" } else { "SQLite" };
    let mut text = format!(
        "-- What the migrations of {service} leave on {engine}. Nobody runs this: a test compares it, and\n\
         -- ARRS_WRITE=1 writes it anew; the difference is what a migration does.\n"
    );
    for (name, table) in tables {
        let Table { columns, constraints, others } = table;
        let mut lines: Vec<String> = columns
            .iter()
            .map(|(name, kind, required, default)| {
                let required = if *required { " NOT NULL" } else { "" };
                let default = default.as_ref().map(|value| format!(" DEFAULT {value}"));
                format!("{name} {kind}{required}{}", default.unwrap_or_default())
            })
            .collect();
        lines.extend(constraints.iter().cloned());
        // Writing to a String cannot fail.
        let _ = write!(text, "\nCREATE TABLE {name} (\n    {}\n);\n", lines.join(",\n    "));
        for other in others {
            let _ = writeln!(text, "{other};");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, required: bool, default: Option<&str>) -> Column {
        (name.to_owned(), "text".to_owned(), required, default.map(str::to_owned))
    }

    fn known() -> Table {
        Table {
            columns: vec![column("id", true, None), column("name", false, None)],
            constraints: vec!["PRIMARY KEY (id)".to_owned()],
            others: vec!["CREATE INDEX person_name ON person (name)".to_owned()],
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Table), expected: &[&str]) {
        let mut changed = known();
        change(&mut changed);
        let [before, after] =
            [known(), changed].map(|table| Tables::from([("person".to_owned(), table)]));
        assert_eq!(broken(&before, &after), expected);
    }

    #[test]
    fn what_takes_away_or_asks_for_more_is_not_safe() {
        check(|_| {}, &[]);
        check(|table| table.columns.push(column("new", false, None)), &[]);
        check(|table| table.columns.push(column("new", true, Some("''"))), &[]);
        check(|table| table.others.clear(), &[]);
        check(|table| table.others.push("CREATE INDEX more ON person (id)".to_owned()), &[]);

        let must = ["person.new is new, and must be given"];
        check(|table| table.columns.push(column("new", true, None)), &must);
        let gone = ["person.name is gone or changed"];
        check(|table| drop(table.columns.pop()), &gone);
        check(|table| table.columns[1].0 = "title".to_owned(), &gone);
        check(|table| table.columns[1].1 = "bigint".to_owned(), &gone);
        check(|table| table.columns[1].2 = true, &gone);
        for narrower in [
            "CREATE UNIQUE INDEX once ON person (name)",
            "ALTER TABLE person FORCE ROW LEVEL SECURITY",
        ] {
            let expected = format!("person takes less: {narrower}");
            check(|table| table.others.push(narrower.to_owned()), &[&expected]);
        }
        let expected = ["person takes less: CHECK (id > 0)"];
        check(|table| table.constraints.push("CHECK (id > 0)".to_owned()), &expected);
        let before = Tables::from([("person".to_owned(), known())]);
        assert_eq!(broken(&before, &Tables::new()), ["person is gone"]);
        assert_eq!(broken(&Tables::new(), &before), [""; 0]);
    }
}
