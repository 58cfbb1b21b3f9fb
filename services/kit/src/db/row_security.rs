//! The second wall: PostgreSQL itself hides the rows of other tenants.
//!
//! The first wall is the scope that every store function asks for. This one holds where somebody
//! forgets it: a transaction sees no tenant's row until a scope was entered, and then those of the
//! scope. It knows tenants, not days; days are the first wall's. The embedded engine has no such
//! thing, and one process of its own.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::sort;
use crate::error::Error;

/// How a row of a table belongs to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// By the code in a column.
    Column(&'static str),
    /// To everybody, where the column has no code.
    Public(&'static str),
    /// By a row of another table that may be seen itself.
    Through {
        /// The column of this table.
        column: &'static str,
        /// The other table.
        table: &'static str,
        /// Its column that has the same value.
        other: &'static str,
    },
    /// By a table that names tenants of such rows, with an index that begins with the tenant.
    Listed {
        /// The column of this table.
        column: &'static str,
        /// The other table.
        table: &'static str,
        /// Its column that has the same value.
        other: &'static str,
        /// Its column that has the tenant.
        tenant: &'static str,
    },
}

/// A table, and the ways in which its rows belong to tenants.
pub type Tenancy = (&'static str, &'static [Tenant]);

/// Every row, whoever's: for the service's own work.
const ENGLAND: &str = "(SELECT current_setting('app.england', true)) = 'on'";
/// The codes of the tenants that were entered.
const SCOPE: &str = "string_to_array(current_setting('app.scope', true), ',')";

impl Tenant {
    /// Conditions cost a large read little if what they compare with is made once a statement, and
    /// looked up by its hash for each row: hence IN, which does both. What depends on the row counts
    /// once for each row in the eyes of the planner, also where England is asked first, and it
    /// plans as if all else were cheap beside it: that cost a read of England six times its time.
    fn condition(self, of: &str) -> String {
        match self {
            Tenant::Column(column) => format!("{column} IN (SELECT unnest({SCOPE}))"),
            Tenant::Public(column) => format!("{column} IS NULL"),
            // Where the list would be long and the rows few, one is looked for each time.
            Tenant::Through { column, table, other } => {
                format!("EXISTS (SELECT 1 FROM {table} t WHERE t.{other} = {of}.{column})")
            }
            // An array, since an index is searched by nothing else.
            Tenant::Listed { column, table, other, tenant } => format!(
                "{column} IN (SELECT t.{other} FROM {table} t \
                 WHERE t.{tenant} = ANY ((SELECT {SCOPE})::text[]))"
            ),
        }
    }

    /// Whether it is by a code of the row's own, or by none at all.
    fn is_own(self) -> bool {
        match self {
            Tenant::Column(_) | Tenant::Public(_) => true,
            Tenant::Through { .. } | Tenant::Listed { .. } => false,
        }
    }
}

/// What a row must be that is written: of a tenant of the scope by a code of its own. Rows that can
/// merely be seen through others belong to somebody else.
fn writable(table: &str, tenants: &[Tenant]) -> Option<String> {
    let own = tenants.iter().filter(|tenant| tenant.is_own());
    let own: Vec<String> = own.map(|tenant| tenant.condition(table)).collect();
    if own.is_empty() { None } else { Some(format!("{ENGLAND} OR {}", own.join(" OR "))) }
}

/// The migration that forces row-level security on tables, each with the ways in which its rows
/// belong to a tenant; a later one takes the place of what was said of a table before. Does nothing
/// on the embedded engine.
pub fn row_security(
    name: &'static str,
    tables: impl IntoIterator<Item = Tenancy>,
) -> Box<dyn MigrationTrait> {
    Box::new(RowSecurity { name, tables: tables.into_iter().collect() })
}

struct RowSecurity {
    name: &'static str,
    tables: Vec<Tenancy>,
}

impl MigrationName for RowSecurity {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for RowSecurity {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let db = manager.get_connection();
        for (table, tenants) in &self.tables {
            let all = tenants.iter().map(|tenant| tenant.condition(table));
            let visible = format!("{ENGLAND} OR {}", all.collect::<Vec<_>>().join(" OR "));
            let writable = writable(table, tenants).unwrap_or_else(|| visible.clone());
            for statement in [
                format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
                // The owner of the table as well.
                format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
                format!("DROP POLICY IF EXISTS tenant ON {table}"),
                format!(
                    "CREATE POLICY tenant ON {table} USING ({visible}) WITH CHECK ({writable})"
                ),
            ] {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}

/// What a transaction may see from here to its end: all, or the rows of these tenants.
pub(crate) async fn enter(
    txn: &impl ConnectionTrait,
    england: bool,
    tenants: &[&str],
) -> Result<(), Error> {
    if txn.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let england = if england { "on" } else { "" };
    let settings = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT set_config('app.england', $1, true), set_config('app.scope', $2, true)",
        [england.into(), tenants.join(",").into()],
    );
    txn.execute_raw(settings).await.map_err(sort)?;
    Ok(())
}

/// Does something for the service itself that must see rows of every tenant; what it learns must
/// not reach a caller as rows.
pub async fn across_tenants<T>(
    txn: &impl ConnectionTrait,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if txn.get_database_backend() != DbBackend::Postgres {
        return work.await;
    }
    let before = Statement::from_string(
        DbBackend::Postgres,
        "SELECT coalesce(current_setting('app.england', true), '')",
    );
    let before = txn.query_one_raw(before).await.map_err(sort)?;
    let before: String = match before {
        Some(row) => row.try_get_by_index(0).map_err(sort)?,
        None => String::new(),
    };
    set_england(txn, "on").await?;
    let done = work.await;
    let restored = set_england(txn, &before).await;
    let done = done?;
    restored?;
    Ok(done)
}

async fn set_england(txn: &impl ConnectionTrait, value: &str) -> Result<(), Error> {
    let set = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT set_config('app.england', $1, true)",
        [value.into()],
    );
    txn.execute_raw(set).await.map_err(sort)?;
    Ok(())
}
