// SPDX-License-Identifier: MIT

// bench.go - the works of bench_core.c in Go; Go 1.19 or newer.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const N = 1000000

func pingPong() int {
	a, b := make(chan int), make(chan int)
	go func() {
		for i := 0; i < N; i++ {
			b <- <-a
		}
	}()
	for i := 0; i < N; i++ {
		a <- i
		<-b
	}
	return N
}

func yield() int {
	var wg sync.WaitGroup
	wg.Add(2)
	for k := 0; k < 2; k++ {
		go func() {
			for i := 0; i < N; i++ {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return 2 * N
}

func spawnJoin() int {
	b := make(chan int)
	for i := 0; i < N; i++ {
		go func() { b <- 1 }()
		<-b
	}
	return N
}

func spawnMany() int {
	var wg sync.WaitGroup
	wg.Add(N)
	for i := 0; i < N; i++ {
		go wg.Done()
	}
	wg.Wait()
	return N
}

func pass(each int) int {
	items := make(chan int, 128)
	var consumers, producers sync.WaitGroup
	consumers.Add(each)
	producers.Add(each)
	for i := 0; i < each; i++ {
		go func() {
			for range items {
			}
			consumers.Done()
		}()
	}
	for i := 0; i < each; i++ {
		go func() {
			for i := 0; i < N/each; i++ {
				items <- i
			}
			producers.Done()
		}()
	}
	producers.Wait()
	close(items)
	consumers.Wait()
	return N
}

func readySelect(n int) int {
	var c [8]chan int
	for i := 0; i < n; i++ {
		c[i] = make(chan int, 1)
	}
	for i := 0; i < N; i++ {
		c[i%n] <- i
		if n == 2 {
			select {
			case <-c[0]:
			case <-c[1]:
			}
		} else {
			select {
			case <-c[0]:
			case <-c[1]:
			case <-c[2]:
			case <-c[3]:
			case <-c[4]:
			case <-c[5]:
			case <-c[6]:
			case <-c[7]:
			}
		}
	}
	return N
}

func blockingSelect(n int) int {
	var c [8]chan int
	for i := 0; i < n; i++ {
		c[i] = make(chan int)
	}
	go func() {
		for i := 0; i < N/4; i++ {
			c[i%n] <- i
		}
	}()
	for i := 0; i < N/4; i++ {
		if n == 2 {
			select {
			case <-c[0]:
			case <-c[1]:
			}
		} else {
			select {
			case <-c[0]:
			case <-c[1]:
			case <-c[2]:
			case <-c[3]:
			case <-c[4]:
			case <-c[5]:
			case <-c[6]:
			case <-c[7]:
			}
		}
	}
	return N / 4
}

func sieve() int {
	ch := make(chan int)
	go func() {
		for i := 2; ; i++ {
			ch <- i
		}
	}()
	in := ch
	for i := 0; i < 2000; i++ {
		prime := <-in
		out := make(chan int)
		go func(in, out chan int) {
			for {
				if i := <-in; i%prime != 0 {
					out <- i
				}
			}
		}(in, out)
		in = out
	}
	return 2000
}

var mutex sync.Mutex
var counter int

func lockAlone() int {
	for i := 0; i < N; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
	return N
}

func lock8(yield bool) int {
	var wg sync.WaitGroup
	wg.Add(8)
	for k := 0; k < 8; k++ {
		go func() {
			for i := 0; i < N/8; i++ {
				mutex.Lock()
				if yield {
					runtime.Gosched()
				}
				counter++
				mutex.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return N
}

func node(up chan int, number, leaves int) {
	sum := number
	if leaves > 1 {
		c := make(chan int)
		for i := 0; i < 10; i++ {
			go node(c, number+i*(leaves/10), leaves/10)
		}
		sum = 0
		for i := 0; i < 10; i++ {
			sum += <-c
		}
	}
	up <- sum
}

func skynet() int {
	up := make(chan int)
	go node(up, 0, N)
	if <-up != N*(N-1)/2 {
		panic("skynet: wrong sum")
	}
	return N
}

func report(name string, value float64, unit string) {
	fmt.Printf("%s %.1f %s\n", name, value, unit)
}

func residentBytes() float64 {
	var all, resident int
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	if _, err := fmt.Sscan(string(text), &all, &resident); err != nil {
		panic(err)
	}
	return float64(resident) * 4096
}

func parked() int {
	var arrived, left sync.WaitGroup
	ch := make(chan int)
	before, start := residentBytes(), time.Now()
	arrived.Add(N)
	left.Add(N)
	for i := 0; i < N; i++ {
		go func() {
			arrived.Done()
			<-ch
			left.Done()
		}()
	}
	arrived.Wait()
	report("parked-1m-start", nsEach(start), "ns")
	report("parked-1m-resident", (residentBytes()-before)/N, "B")
	start = time.Now()
	close(ch)
	left.Wait()
	report("parked-1m-release", nsEach(start), "ns")
	return 0
}

func nsEach(start time.Time) float64 {
	return float64(time.Since(start).Nanoseconds()) / N
}

func sleepers() int {
	var wg sync.WaitGroup
	start := time.Now()
	wg.Add(N)
	for i := 0; i < N; i++ {
		go func() {
			time.Sleep(6 * time.Second)
			wg.Done()
		}()
	}
	wg.Wait()
	report("sleepers-1m", nsEach(start.Add(6*time.Second)), "ns")
	return 0
}

func lateness() int {
	const goroutines, sleeps = 1000, 20
	late := make([]time.Duration, goroutines*sleeps)
	var wg sync.WaitGroup
	wg.Add(goroutines)
	for nth := 0; nth < goroutines; nth++ {
		go func(nth int) {
			for i := 0; i < sleeps; i++ {
				d := time.Duration(1000000 + (nth*7919+i*104729)%49000000)
				start := time.Now()
				time.Sleep(d)
				late[nth*sleeps+i] = time.Since(start) - d
			}
			wg.Done()
		}(nth)
	}
	wg.Wait()
	reportLateness("lateness", late)
	return 0
}

func reportLateness(name string, late []time.Duration) {
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	report(name+"-p50", float64(late[len(late)/2])/1e3, "us")
	report(name+"-p99", float64(late[len(late)/100*99])/1e3, "us")
}

func sleep1ms(times int, name string) int {
	late := make([]time.Duration, times)
	for i := range late {
		start := time.Now()
		time.Sleep(time.Millisecond)
		late[i] = time.Since(start) - time.Millisecond
	}
	reportLateness(name, late)
	return 0
}

func latenessBesideSpinners() int {
	var end uint32
	for i := runtime.GOMAXPROCS(0); i > 0; i-- {
		go func() {
			for atomic.LoadUint32(&end) == 0 {
			}
		}()
	}
	sleep1ms(100, "late-spinners")
	atomic.StoreUint32(&end, 1)
	return 0
}

func main() {
	works := []struct {
		name string
		run  func() int
	}{
		{"ping-pong", pingPong},
		{"yield", yield},
		{"spawn-join", spawnJoin},
		{"spawn-many", spawnMany},
		{"buffered-1-1", func() int { return pass(1) }},
		{"buffered-4-4", func() int { return pass(4) }},
		{"select-ready-2", func() int { return readySelect(2) }},
		{"select-ready-8", func() int { return readySelect(8) }},
		{"select-wait-2", func() int { return blockingSelect(2) }},
		{"select-wait-8", func() int { return blockingSelect(8) }},
		{"sieve-2000", sieve},
		{"mutex-alone", lockAlone},
		{"mutex-8", func() int { return lock8(false) }},
		{"mutex-8-yield", func() int { return lock8(true) }},
		{"skynet-1m", skynet},
		{"parked-1m", parked},
		{"sleepers-1m", sleepers},
		{"lateness", lateness},
		{"late-1ms", func() int { return sleep1ms(500, "late-1ms") }},
		{"late-spinners", latenessBesideSpinners},
	}
	for _, w := range works {
		wanted := len(os.Args) == 1
		for _, a := range os.Args[1:] {
			wanted = wanted || a == w.name
		}
		if wanted {
			start := time.Now()
			if n := w.run(); n > 0 {
				spent := time.Since(start).Nanoseconds()
				report(w.name, float64(spent)/float64(n), "ns")
			}
		}
	}
}
