// SPDX-License-Identifier: MIT

// profile.go - the works of bench_profile.c in Go; Go 1.19 or newer.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	N        = 1000000
	rounds   = 15
	profiles = 3
	cpuTrips = 4000000
	depth    = 8
)

func median(value []float64) float64 {
	sort.Float64s(value)
	return value[len(value)/2]
}

func report(name string, value float64, unit string) {
	fmt.Printf("%s %.3f %s\n", name, value, unit)
}

var a, b = make(chan int), make(chan int)

func pingPong(trips int) float64 {
	start := time.Now()
	go func() {
		for i := 0; i < trips; i++ {
			b <- <-a
		}
	}()
	for i := 0; i < trips; i++ {
		a <- i
		<-b
	}
	return float64(time.Since(start)) / float64(trips)
}

func withBlockRate(ns int) float64 {
	runtime.SetBlockProfileRate(ns)
	defer runtime.SetBlockProfileRate(0)
	return pingPong(N)
}

func withCPUProfile() float64 {
	pprof.StartCPUProfile(io.Discard)
	defer pprof.StopCPUProfile()
	return pingPong(cpuTrips)
}

func measurePingPong() {
	var off, all, some, cpu []float64
	pingPong(N)
	for i := 0; i < rounds; i++ {
		off = append(off, pingPong(N))
		all = append(all, withBlockRate(1))
		some = append(some, withBlockRate(10000)/off[i])
		alone := pingPong(cpuTrips)
		cpu = append(cpu, withCPUProfile()/alone)
	}
	report("off", median(off), "ns")
	report("block-1", median(all), "ns")
	report("block-10us", median(some), "x")
	report("cpu-100hz", median(cpu), "x")
}

func measureTraced() {
	var trip []float64
	trace.Start(io.Discard)
	pingPong(N)
	for i := 0; i < rounds; i++ {
		trip = append(trip, pingPong(N))
	}
	trace.Stop()
	report("traced", median(trip), "ns")
}

var started sync.WaitGroup
var never = make(chan int)
var gap int64
var spinnerEnds uint32

//go:noinline
func waitBelow(n int) int {
	if n > 1 {
		return waitBelow(n-1) + 1
	}
	started.Done()
	return <-never
}

func spin() {
	last := time.Now()
	for atomic.LoadUint32(&spinnerEnds) == 0 {
		now := time.Now()
		if d := int64(now.Sub(last)); d > atomic.LoadInt64(&gap) {
			atomic.StoreInt64(&gap, d)
		}
		last = now
	}
	started.Done()
}

func writeProfile() float64 {
	start := time.Now()
	pprof.Lookup("goroutine").WriteTo(io.Discard, 0)
	return float64(time.Since(start)) / 1e6
}

func measureGoroutines(count int, take bool) {
	var best, least float64
	started.Add(count)
	for i := 0; i < count; i++ {
		go waitBelow(depth)
	}
	started.Wait()
	time.Sleep(500 * time.Millisecond)
	for i := 0; take && i < profiles; i++ {
		if ms := writeProfile(); i == 0 || ms < best {
			best = ms
		}
	}
	started.Add(1)
	go spin()
	time.Sleep(10 * time.Millisecond)
	for i := 0; i < profiles; i++ {
		atomic.StoreInt64(&gap, 0)
		if take {
			writeProfile()
		} else {
			time.Sleep(300 * time.Millisecond)
		}
		if ms := float64(atomic.LoadInt64(&gap)) / 1e6; i == 0 || ms < least {
			least = ms
		}
	}
	atomic.StoreUint32(&spinnerEnds, 1)
	started.Wait()
	if take {
		report("goroutines", best, "ms")
		report("gap", least, "ms")
	} else {
		report("gap-nobody", least, "ms")
	}
}

func main() {
	switch os.Args[1] {
	case "ping-pong":
		measurePingPong()
	case "traced":
		measureTraced()
	default:
		count, _ := strconv.Atoi(os.Args[2])
		measureGoroutines(count, os.Args[1] == "goroutines")
	}
}
