package eval

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"vedette/detect/behaviour"
)

// Sizes of Schonlau's data (M. Schonlau et al., "Computer intrusion: detecting masquerades", Statistical Science 16, 2001): 50 users,
// 5,000 commands of their own, then 100 blocks of which some are another's.
const (
	schonlauUsers = 50
	schonlauOwn   = 5000
	schonlauBlock = 100
	schonlauCells = 512 // of endpoints in the reference; commands are 635 different
	schonlauPairs = 4096
)

// user is one user's commands as cells, and which blocks are another's.
type user struct {
	cells []uint16
	other []bool
}

// schonlau measures track A: users 1–25 are for development, 26–50 sealed.
func schonlau(dir string) ([]Figure, error) {
	users, err := readSchonlau(dir)
	if err != nil {
		return nil, err
	}
	var figures []Figure
	for _, half := range []struct {
		name     string
		from, to int
	}{{"development", 0, len(users) / 2}, {"sealed", len(users) / 2, len(users)}} {
		attacks, blocks := 0, 0
		for _, u := range users[half.from:half.to] {
			for _, o := range u.other {
				blocks++
				if o {
					attacks++
				}
			}
		}
		base := fmt.Sprintf("%s, %d of %d blocks", half.name, attacks, blocks)
		for _, d := range []struct {
			name  string
			score func(users []*user, i int) []float64
		}{{"vedette counts and sequence", masquerade}, {"single feature: commands not used", unused}, {"random", randomBlocks},
			{"null", func(users []*user, i int) []float64 { return make([]float64, len(users[i].other)) }}} {
			var list []judged
			for i := half.from; i < half.to; i++ {
				for b, s := range d.score(users, i) {
					list = append(list, judged{s, users[i].other[b], i})
				}
			}
			figures = append(figures, measured("Schonlau", d.name, "AUC, "+half.name, base, list, auc))
			for _, fpr := range []float64{0.001, 0.005, 0.01, 0.013} {
				figures = append(figures, measured("Schonlau", d.name, fmt.Sprintf("TPR at %.1f%% FPR, %s", 100*fpr, half.name), base, list,
					func(l []judged) float64 { return tprAt(l, fpr) }))
			}
		}
	}
	return append(figures,
		Figure{Data: "Schonlau", Detector: "hashed counts", Metric: "AUC", Value: 0.948, Source: "ours, earlier"},
		Figure{Data: "Schonlau", Detector: "hashed counts", Metric: "TPR at 1.3% FPR", Value: 0.589, Source: "ours, earlier"},
		Figure{Data: "Schonlau", Detector: "naive Bayes with updating", Metric: "TPR at 1.3% FPR", Value: 0.615, Source: "Maxion, Townsend, DSN 2002"},
		Figure{Data: "Schonlau", Detector: "uniqueness", Metric: "TPR at 1.4% FPR", Value: 0.394, Source: "Schonlau et al. 2001"},
		Figure{Data: "Schonlau", Detector: "Bayes one-step Markov", Metric: "TPR at 6.7% FPR", Value: 0.693, Source: "Schonlau et al. 2001"}), nil
}

// readSchonlau reads User1…User50, a command a line, and masquerade_summary.txt: a line a block of 100 commands from the
// 5,001st on, a column a user, 1 where the block is another's.
func readSchonlau(dir string) ([]*user, error) {
	summary, err := os.ReadFile(filepath.Join(dir, "masquerade_summary.txt"))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.Lines(string(summary)) {
		if f := strings.Fields(line); len(f) > 0 {
			rows = append(rows, f)
		}
	}
	var users []*user
	for i := 1; i <= schonlauUsers; i++ {
		u, err := readUser(filepath.Join(dir, fmt.Sprintf("User%d", i)))
		if os.IsNotExist(err) && i > 2 {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if len(row) < i {
				return nil, fmt.Errorf("masquerade_summary.txt has %d columns, and there is a User%d", len(row), i)
			}
			u.other = append(u.other, row[i-1] == "1")
		}
		if want := schonlauOwn + schonlauBlock*len(u.other); len(u.cells) < want {
			return nil, fmt.Errorf("User%d has %d commands, want %d", i, len(u.cells), want)
		}
		users = append(users, u)
	}
	return users, nil
}

func readUser(file string) (*user, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	u := &user{}
	for in := bufio.NewScanner(f); in.Scan(); {
		if line := strings.TrimSpace(in.Text()); line != "" {
			h := fnv.New32a()
			h.Write([]byte(line))
			u.cells = append(u.cells, uint16(h.Sum32()>>8%schonlauCells))
		}
	}
	return u, nil
}

// own is what is learned of a user, or of a population.
type own struct {
	n     float64
	cells [schonlauCells]uint16
	pairs [schonlauPairs]uint16
}

func pairOf(a, b uint16) int {
	return int((uint32(a)*2654435761 ^ uint32(b)*40503) >> 7 % schonlauPairs)
}

func (o *own) learn(before uint16, list []uint16) {
	for _, c := range list {
		behaviour.Add(o.cells[:], int(c))
		behaviour.Add(o.pairs[:], pairOf(before, c))
		before = c
		o.n++
	}
}

// odd is the mean log-likelihood ratio of commands against the population, counts and sequence together.
func (o *own) odd(others *own, before uint16, list []uint16) (sum float64) {
	total, all := behaviour.Sum(o.cells[:]), behaviour.Sum(others.cells[:])
	for _, c := range list {
		prior := behaviour.Share(others.cells[:], int(c), all, 1.0/schonlauCells, 1)
		sum += behaviour.Ratio(o.cells[:], int(c), total, prior, 2)
		once := behaviour.Share(o.cells[:], int(c), total, prior, 2)
		sum += 0.3 * behaviour.Ratio(o.pairs[:], pairOf(before, c), float64(o.cells[before]), once, 8)
		before = c
	}
	return sum / float64(len(list))
}

// masquerade scores a user's blocks. What a block shows is learned if it was usual; scores are against the spread of the user's own.
func masquerade(users []*user, i int) (scores []float64) {
	var me, others own
	for j, u := range users {
		if j != i {
			others.learn(0, u.cells[:schonlauOwn])
		}
	}
	u := users[i]
	// The last fifth of what is known to be the user's gives the spread.
	const rest = schonlauOwn * 4 / 5
	me.learn(0, u.cells[:rest])
	var usual behaviour.Spread
	for at := rest; at < schonlauOwn; at += schonlauBlock {
		block := u.cells[at : at+schonlauBlock]
		usual.Learn(me.odd(&others, u.cells[at-1], block), 100)
		me.learn(u.cells[at-1], block)
	}
	for b := range u.other {
		at := schonlauOwn + b*schonlauBlock
		block := u.cells[at : at+schonlauBlock]
		odd := me.odd(&others, u.cells[at-1], block)
		z := usual.Z(odd, behaviour.Spread{Mean: -1, Var: 0.5}, 10, 0.1)
		scores = append(scores, z)
		if z < 1.5 {
			me.learn(u.cells[at-1], block)
			usual.Learn(odd, 100)
		}
	}
	return scores
}

// unused is the share of a block's commands that the user never used in the first 5,000.
func unused(users []*user, i int) (scores []float64) {
	var used [schonlauCells]bool
	u := users[i]
	for _, c := range u.cells[:schonlauOwn] {
		used[c] = true
	}
	for b := range u.other {
		n := 0.0
		for _, c := range u.cells[schonlauOwn+b*schonlauBlock:][:schonlauBlock] {
			if !used[c] {
				n++
			}
		}
		scores = append(scores, n)
	}
	return scores
}

func randomBlocks(users []*user, i int) (scores []float64) {
	r := rand.New(rand.NewPCG(uint64(i), math.MaxUint32))
	for range users[i].other {
		scores = append(scores, r.Float64())
	}
	return scores
}
