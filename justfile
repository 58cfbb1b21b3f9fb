# What people type often. Install with `pip install rust-just` or `cargo install just`; every line works without it.

# Lists the recipes.
_default:
    @just --list --unsorted

# Serves everything from one process; `just run workforce` serves one service.
run *ARGUMENTS:
    cargo run --release -- serve {{ARGUMENTS}}

# Imports the demonstration set, prints its report and serves until Ctrl-C.
demo *ARGUMENTS:
    cargo run --release -- demo {{ARGUMENTS}}

# Starts the production shape on this machine: a process for each service, PostgreSQL and NATS.
up:
    deploy/local up

# Stops it, and removes what it kept.
down:
    deploy/local down

# Checks everything: formatting, lints, contracts, dependencies, all tests.
test:
    tests/run

# Checks everything that needs no test run.
lint:
    tests/run lint

# Formats the Rust sources and the contracts.
fmt:
    tests/run tools
    cargo fmt --all
    target/tools/buf/node_modules/.bin/buf format --write --path proto/arrs

# Kills processes under load, KILLS times, and looks whether a promise was broken; `just soak 500 7` repeats the seed 7.
soak KILLS="500" SEED=`date +%s`:
    cargo build --workspace --bins
    cargo nextest run -p arrs-finance --profile soak --run-ignored only mon_1_many
    ARRS_TEST_KILLS={{KILLS}} ARRS_TEST_SEED={{SEED}} cargo nextest run -p arrs-tests --test suite --profile soak durability::dur_1

# Measures, and prints ratios; keep the machine quiet meanwhile.
bench *ARGUMENTS:
    cargo build --release -p arrs
    cargo run --release -p arrs-tests --features bench --bin bench -- {{ARGUMENTS}}

# Builds the container image (needs Docker).
image *ARGUMENTS:
    deploy/image {{ARGUMENTS}}
