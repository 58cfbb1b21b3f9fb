use crate::tree::root;

/// Tables, columns, keys and indexes of a written schema, without what only one engine says.
fn common(service: &str, engine: &str) -> Vec<String> {
    let path = root().join(format!("services/{service}/schema/{engine}.sql"));
    let text = std::fs::read_to_string(path).unwrap().replace('"', "");
    let mut lines = Vec::new();
    for table in text.split("\n\n").skip(1) {
        let (columns, others) = table.split_once("\n);").unwrap();
        for line in columns.lines() {
            let name = line.split_whitespace().next().unwrap();
            match line.contains(" NOT NULL") {
                _ if !line.starts_with(' ') || name == "PRIMARY" => lines.push(line.to_owned()),
                true => lines.push(format!("{name} is given")),
                false => lines.push(format!("{name} may be given")),
            }
        }
        let mut indexes: Vec<String> = others
            .lines()
            .filter(|line| line.starts_with("CREATE ") && line.contains(" INDEX "))
            .map(|line| line.replace(" USING btree", ""))
            .collect();
        indexes.sort();
        lines.append(&mut indexes);
    }
    lines
}

#[test]
fn both_engines_have_the_same_tables_columns_keys_and_indexes() {
    for service in ["workforce", "finance", "supervision"] {
        let [sqlite, postgres] = ["sqlite", "postgres"].map(|engine| common(service, engine));

        assert!(sqlite.len() > 100, "{service}: {}", sqlite.len());
        assert_eq!(sqlite, postgres, "{service}");
    }
}
