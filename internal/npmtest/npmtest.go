// Package npmtest installs the npm packages that tests run real clients from.
package npmtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// installTime is how long an installation may take: a slow registry is no reason
// to hang a whole test run.
const installTime = 5 * time.Minute

// Install makes the dependencies of dir/package.json available and returns the
// folder that holds node_modules. They lie in the user's cache, one folder per
// content of package.json, and are installed once. The test is skipped where node or
// npm is missing, unless the environment variable CI is set: there it fails.
func Install(t testing.TB, dir string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("cannot run real clients: %v", err)
			}
			t.Skipf("cannot run real clients: %v", err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("cannot find the cache folder: %v", err)
	}
	home, err := install(filepath.Join(cache, "vedette-npm"), dir, npm)
	if err != nil {
		t.Fatal(err)
	}
	return home
}

// Project returns a folder of its own with the package.json and the scripts of dir,
// and the packages that they import.
func Project(t testing.TB, dir string, scripts ...string) string {
	t.Helper()
	home := t.TempDir()
	if err := os.Symlink(filepath.Join(Install(t, dir), "node_modules"), filepath.Join(home, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, f := range append([]string{"package.json"}, scripts...) {
		b, err := os.ReadFile(filepath.Join(dir, f))
		if err == nil {
			err = os.WriteFile(filepath.Join(home, f), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// install runs the installer in a folder of its own, then renames that folder into
// place. Processes that install the same at once do the work twice and one result
// wins; nobody ever sees half of one, and a crash leaves no lock.
func install(cache, dir string, run func(dir string) error) (string, error) {
	manifest, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "", fmt.Errorf("cannot read manifest: %w", err)
	}
	sum := sha256.Sum256(manifest)
	home := filepath.Join(cache, hex.EncodeToString(sum[:8]))
	if present(home) {
		return home, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("cannot make cache: %w", err)
	}
	tmp, err := os.MkdirTemp(cache, "installing-")
	if err != nil {
		return "", fmt.Errorf("cannot make cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "package.json"), manifest, 0o644); err != nil {
		return "", fmt.Errorf("cannot write manifest: %w", err)
	}
	if err := run(tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, home); err != nil && !present(home) {
		return "", fmt.Errorf("cannot move packages into place: %w", err)
	}
	return home, nil
}

func present(home string) bool {
	_, err := os.Stat(filepath.Join(home, "node_modules"))
	return err == nil
}

// npm installs without scripts: clients under test need none, and none should run
// on a developer's machine.
func npm(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.New("timed out")
	}
	return fmt.Errorf("cannot install npm packages: %w\n%s", err, out)
}
