// Answers what `survey.tools` asks of tools written in Go: a request per line of JSON, an answer per line.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/postgres"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/file"
	_ "github.com/lib/pq"
	"github.com/pressly/goose/v3"
	sqlmigrate "github.com/rubenv/sql-migrate"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	bunmigrate "github.com/uptrace/bun/migrate"
)

// Request asks for what is pending, or first applies the first so many, 0 for all.
type Request struct {
	Tool, Database, Directory string
	Apply                     bool
	Count                     int
}

// Answer has the names of what is pending, or why the tool refuses to say or to run.
type Answer struct {
	Pending []string `json:"pending"`
	Error   string   `json:"error"`
}

var tools = map[string]func(Request) ([]string, error){
	"golang-migrate": golangMigrate,
	"goose":          gooseCommand,
	"goose-provider": gooseProvider,
	"sql-migrate":    sqlMigrate,
	"bun":            bunLibrary,
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, math.MaxInt32)
	answers := json.NewEncoder(os.Stdout)
	os.Stdout, _ = os.Open(os.DevNull) // what the tools print is no answer
	for lines.Scan() {
		var request Request
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			panic(err)
		}
		pending, err := tools[request.Tool](request)
		answer := Answer{Pending: append([]string{}, pending...)}
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}

// What `up` would run: from the first, or from what follows the current version (migrate.go, readUp).
func golangMigrate(request Request) (pending []string, err error) {
	tool, err := migrate.New("file://"+request.Directory, request.Database)
	if err != nil {
		return nil, err
	}
	defer tool.Close()
	if request.Apply {
		var tooFew migrate.ErrShortLimit
		err := atMost(request.Count, tool.Up, tool.Steps)
		if err != nil && !errors.Is(err, migrate.ErrNoChange) && !errors.As(err, &tooFew) {
			return nil, err
		}
	}
	files, err := (&file.File{}).Open("file://" + request.Directory)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	next, err := files.First()
	if current, dirty, failed := tool.Version(); dirty {
		return nil, migrate.ErrDirty{Version: int(current)}
	} else if failed == nil {
		if err := exists(files, current); err != nil {
			return nil, err
		}
		next, err = files.Next(current)
	} else if !errors.Is(failed, migrate.ErrNilVersion) {
		return nil, failed
	}
	for ; err == nil; next, err = files.Next(next) {
		pending = append(pending, strconv.FormatUint(uint64(next), 10))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return pending, err
}

// What it asks of the current version first (migrate.go, versionExists).
func exists(files source.Driver, version uint) error {
	_, _, err := files.ReadUp(version)
	if errors.Is(err, fs.ErrNotExist) {
		_, _, err = files.ReadDown(version)
	}
	return err
}

func atMost(count int, all func() error, some func(int) error) error {
	if count == 0 {
		return all()
	}
	return some(count)
}

// Listing keeps what `goose status` prints.
type Listing struct{ pending []string }

func (listing *Listing) Fatalf(format string, values ...any) { panic(fmt.Sprintf(format, values...)) }
func (listing *Listing) Printf(format string, values ...any) {
	line := fmt.Sprintf(format, values...)
	if state, name, found := strings.Cut(line, " -- "); found && strings.TrimSpace(state) == "Pending" {
		listing.pending = append(listing.pending, strings.TrimSpace(name))
	}
}

func gooseCommand(request Request) ([]string, error) {
	database, err := sql.Open("postgres", request.Database)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	listing := &Listing{}
	goose.SetLogger(listing)
	if err := goose.SetDialect("postgres"); err != nil {
		return nil, err
	}
	if request.Apply {
		all := func() error { return goose.Up(database, request.Directory, goose.WithAllowMissing()) }
		some := func(count int) error {
			for ; count > 0; count-- {
				if err := goose.UpByOne(database, request.Directory, goose.WithAllowMissing()); err != nil {
					return err
				}
			}
			return nil
		}
		if err := atMost(request.Count, all, some); err != nil && !errors.Is(err, goose.ErrNoNextVersion) {
			return nil, err
		}
	}
	listing.pending = nil
	err = goose.Status(database, request.Directory)
	return listing.pending, err
}

func gooseProvider(request Request) (pending []string, err error) {
	database, err := sql.Open("postgres", request.Database)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	provider, err := goose.NewProvider(
		goose.DialectPostgres, database, os.DirFS(request.Directory), goose.WithAllowOutofOrder(true))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if request.Apply {
		all := func() error { _, err := provider.Up(ctx); return err }
		some := func(count int) error {
			for ; count > 0; count-- {
				if _, err := provider.UpByOne(ctx); err != nil {
					return err
				}
			}
			return nil
		}
		if err := atMost(request.Count, all, some); err != nil && !errors.Is(err, goose.ErrNoNextVersion) {
			return nil, err
		}
	}
	states, err := provider.Status(ctx)
	for _, state := range states {
		if state.State == goose.StatePending {
			pending = append(pending, strconv.FormatInt(state.Source.Version, 10))
		}
	}
	return pending, err
}

func sqlMigrate(request Request) (pending []string, err error) {
	database, err := sql.Open("postgres", request.Database)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	source := sqlmigrate.FileMigrationSource{Dir: request.Directory}
	if request.Apply {
		if _, err := sqlmigrate.ExecMax(database, "postgres", source, sqlmigrate.Up, request.Count); err != nil {
			return nil, err
		}
	}
	planned, _, err := sqlmigrate.PlanMigration(database, "postgres", source, sqlmigrate.Up, 0)
	for _, migration := range planned {
		pending = append(pending, migration.Id)
	}
	return pending, err
}

func bunLibrary(request Request) (pending []string, err error) {
	database, err := sql.Open("postgres", request.Database)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	migrations := bunmigrate.NewMigrations()
	if err := migrations.Discover(os.DirFS(request.Directory)); err != nil {
		return nil, err
	}
	ctx := context.Background()
	tool := bunmigrate.NewMigrator(
		bun.NewDB(database, pgdialect.New()), migrations, bunmigrate.WithMarkAppliedOnSuccess(true))
	if err := tool.Init(ctx); err != nil {
		return nil, err
	}
	if request.Apply {
		if _, err := tool.Migrate(ctx); err != nil {
			return nil, err
		}
	}
	all, err := tool.MigrationsWithStatus(ctx)
	for _, migration := range all.Unapplied() {
		pending = append(pending, migration.Name)
	}
	return pending, err
}
