// SPDX-License-Identifier: MIT

// bench.go - the works of bench_core.c in Go; Go 1.19 or newer.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
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
	for i := 0; i < 1000; i++ {
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
	return 1000
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

func lock8() int {
	var wg sync.WaitGroup
	wg.Add(8)
	for k := 0; k < 8; k++ {
		go func() {
			for i := 0; i < N/8; i++ {
				mutex.Lock()
				counter++
				mutex.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return N
}

func sleepers() int {
	var wg sync.WaitGroup
	wg.Add(100000)
	for i := 0; i < 100000; i++ {
		go func() {
			time.Sleep(300 * time.Millisecond)
			wg.Done()
		}()
	}
	wg.Wait()
	return 100000
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
		{"sieve-1000", sieve},
		{"mutex-alone", lockAlone},
		{"mutex-8", lock8},
		{"sleepers-100k", sleepers},
	}
	for _, w := range works {
		wanted := len(os.Args) == 1
		for _, a := range os.Args[1:] {
			wanted = wanted || a == w.name
		}
		if wanted {
			start := time.Now()
			n := w.run()
			fmt.Printf("%s %.1f\n", w.name,
				float64(time.Since(start).Nanoseconds())/float64(n))
		}
	}
}
