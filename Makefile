# What each target needs beyond Go, git, make and gcc is installed by scripts/need, as root or through sudo.
.PHONY: run build test bench soak fuzz lint fmt

run: build
	./vedette demo

build:
	go build -o vedette ./cmd/vedette

# Everything, race detector on. With CI set, what is missing (npm, PostgreSQL, rsyslog, a small disk) fails instead of skipping.
# Then what the race detector would distort or make too long: allocations, and NAB where its data lies beside the project.
test: lint
	scripts/need nginx npm postgresql rsyslogd
	go test -race -timeout 14m ./...
	VEDETTE_NAB=$(wildcard $(CURDIR)/../shared/data/nab) go test -run 'Alloc|NABFull|Injection' ./detect/... ./payload ./eval ./gate ./intel ./keyring ./pipeline

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || (echo "gofmt would change these files" >&2; exit 1)
	go vet ./...

# Speed, as ratios against baselines of the same run; minutes, not part of test.
bench:
	scripts/need nginx
	go run ./cmd/vedette bench

# The long runs: 200 kills, a million entries, full disks.
soak:
	scripts/need nginx npm postgresql
	VEDETTE_SOAK=1 go test -timeout 120m ./ledger ./verify ./keyring ./store ./sensor/... ./e2e

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 20s
fuzz:
	scripts/fuzz $(FUZZTIME)
