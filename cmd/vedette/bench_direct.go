package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"vedette/internal/loadgen"
	"vedette/sensor"
	"vedette/venue"
)

const (
	directEvery  = 100 * time.Microsecond // between two calls of a key's owner
	directForge  = 10 * time.Millisecond  // between two forged calls
	directTick   = 200 * time.Microsecond // what is due within it is judged together
	directAnswer = `{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","status":"NEW"}`
)

// direct is what a run without a network measured.
type direct struct {
	Rate    float64         `json:"rate"`    // orders a second that were judged and recorded
	Others  float64         `json:"others"`  // processors that were taken by other processes
	Refused []time.Duration `json:"refused"` // from the arrival of the last forged call to that of the first refused one
}

// playDirect runs the monitor of the configuration in this process and hands it calls as a sensor does: no connection, no client and no venue
// takes processor time from it, or waits for some.
func playDirect(ctx context.Context, e *env, args []string) error {
	rate, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	c, err := loadConfig(filepath.Join(args[0], "vedette.yaml"))
	if err != nil {
		return err
	}
	tuneMemory()
	a, err := startApp(ctx, c, e.getenv, discardLog(), systemClock())
	if err != nil {
		return err
	}
	defer a.close()
	a.warm()
	ctx, stop := context.WithCancel(ctx)
	var fed atomic.Int64
	var wg sync.WaitGroup
	feeders := runtime.NumCPU() // as many as the proxy has event loops
	for i := range feeders {
		wg.Go(func() { a.feed(ctx, i, feeders, rate, &fed) })
	}
	time.Sleep(loadWarmup)
	began, before, others := time.Now(), fed.Load(), othersTime(os.Getpid())
	took, err := a.attackDirectly()
	d := direct{Rate: float64(fed.Load()-before) / time.Since(began).Seconds(), Others: others(), Refused: took}
	stop()
	wg.Wait()
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(d)
}

// feed judges the first of each n orders, from the i-th, when they are due.
func (a *app) feed(ctx context.Context, i, n int, rate float64, fed *atomic.Int64) {
	loadgen.Exact()
	x := directExchange()
	gap := time.Duration(float64(n) / rate * float64(time.Second))
	for due := time.Now(); ctx.Err() == nil; {
		now := time.Now()
		for ; !due.After(now); due = due.Add(gap) {
			x.Request.Reset()
			x.Request.Method, x.Request.Path, x.Request.Body = "POST", "/api/v3/order", benchOrder(i, time.Now())
			a.judge(x, fmt.Sprint("trader-", i%traders))
			i += n
			fed.Add(1)
		}
		loadgen.SleepUntil(now.Add(directTick))
	}
}

func directExchange() *sensor.Exchange {
	return &sensor.Exchange{Sensor: "proxy", Dialect: venue.Binance, Source: netip.MustParseAddrPort("192.0.2.7:1")}
}

// judge runs a call through the monitor and reports whether it was refused.
func (a *app) judge(x *sensor.Exchange, key string) bool {
	x.Arrived = time.Now()
	x.Answer.Reset()
	x.Request.Header = append(x.Request.Header, venue.Field{Name: "X-MBX-APIKEY", Value: key}, venue.Field{Name: "User-Agent", Value: "bench/1.0"})
	a.monitor.Judge(x)
	refused := x.Call.Decision.Refused()
	if !refused {
		x.Answer.Kind, x.Answer.Status, x.Answer.Body, x.AnswerBytes = venue.HTTPAnswer, 200, []byte(directAnswer), len(directAnswer)
	}
	a.monitor.Done(x)
	return refused
}

// attackDirectly attacks every victim, one at a time.
func (a *app) attackDirectly() (took []time.Duration, err error) {
	loadgen.Exact()
	x := directExchange()
	n := 0
	account := func(key, secret string) bool {
		n++
		x.Request.Reset()
		x.Request.Method, x.Request.Path, x.Request.Query = "GET", "/api/v3/account", benchAccount(secret, n)
		return a.judge(x, key)
	}
	for i := range victims {
		key := fmt.Sprint("victim-", i)
		if account(key, benchSecret) {
			return nil, errors.New(key + " was refused before anything happened")
		}
		frozen := false
		for range maxForged {
			account(key, "another secret")
			arrived := x.Arrived
			for !frozen && time.Since(arrived) < directForge {
				loadgen.SleepUntil(time.Now().Add(directEvery))
				frozen = account(key, benchSecret)
			}
			if frozen {
				took = append(took, x.Arrived.Sub(arrived))
				break
			}
		}
		if !frozen {
			return nil, errors.New(key + " was never frozen")
		}
	}
	return took, nil
}
