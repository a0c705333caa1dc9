// SPDX-License-Identifier: MIT

// dump.go - what a dump of as many goroutines costs in Go itself
//
// Usage: dump COUNT; prints milliseconds for its goroutine profile summed up
// (debug=0) and with all stacks (debug=2), the best of three, each with the
// longest time by which a ticker was late meanwhile; then waits for SIGQUIT.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const depth = 8
const period = 200 * time.Microsecond

var started sync.WaitGroup
var never = make(chan int)
var late int64

//go:noinline
func waitBelow(n int) int {
	if n > 1 {
		return waitBelow(n-1) + 1
	}
	started.Done()
	return <-never
}

func tick() {
	for {
		due := time.Now().Add(period)
		time.Sleep(period)
		if ns := int64(time.Since(due)); ns > atomic.LoadInt64(&late) {
			atomic.StoreInt64(&late, ns)
		}
	}
}

func measure(debug int) {
	best := time.Hour
	var worst int64
	var text bytes.Buffer
	for i := 0; i < 3; i++ {
		text.Reset()
		atomic.StoreInt64(&late, 0)
		began := time.Now()
		pprof.Lookup("goroutine").WriteTo(&text, debug)
		if took := time.Since(began); took < best {
			best = took
		}
		time.Sleep(5 * period)
		if ns := atomic.LoadInt64(&late); ns > worst {
			worst = ns
		}
	}
	fmt.Println(best.Seconds()*1000, float64(worst)/1e6)
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	started.Add(count)
	for i := 0; i < count; i++ {
		go waitBelow(depth)
	}
	started.Wait()
	go tick()
	measure(0)
	measure(2)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
