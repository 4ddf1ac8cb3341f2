/*===- fma_peak.c - The rate of multiply-adds this machine can reach -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===------------------------------------------------------------------------===//
//
// Every thread runs independent chains of vector multiply-adds on registers: no
// memory, no dependence between chains. Twelve chains cover four cycles of latency
// on three units, and fit 16 registers beside the two factors. Compiled by the
// benchmark with -O3 -march=native.
//
//===------------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
enum { kChains = 12, kMaxThreads = 256 };

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));

typedef struct {
  int cpu;
  long steps;
  atomic_int *waiting;
  double start, end;
  float sink;
} Share;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static void *run(void *argument) {
  Share *share = argument;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(share->cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  atomic_fetch_sub(share->waiting, 1);
  while (atomic_load(share->waiting) > 0)
    sched_yield();

  Vector chain[kChains];
  for (int i = 0; i < kChains; ++i)
    chain[i] = (Vector){0} + (float)i;
  /* A fixed point of x * b + c near which nothing overflows or gets subnormal. */
  Vector b = (Vector){0} + 0.999f, c = (Vector){0} + 0.001f;
  share->start = now();
  for (long step = 0; step < share->steps; ++step) {
    for (int i = 0; i < kChains; ++i)
      chain[i] = chain[i] * b + c;
    /* Keeps the compiler from folding steps together. */
    __asm__ volatile("" : "+x"(b), "+x"(c));
  }
  share->end = now();
  Vector sum = chain[0];
  for (int i = 1; i < kChains; ++i)
    sum += chain[i];
  share->sink = sum[0];
  return 0;
}

/* Runs `steps` steps on each of `threads` threads, thread i on processor cpus[i].
   Returns GFLOP/s, or -1 if a thread could not be started. */
double etFmaPeak(int threads, const int *cpus, long steps) {
  if (threads < 1 || threads > kMaxThreads)
    return -1;
  pthread_t handles[kMaxThreads];
  Share shares[kMaxThreads];
  atomic_int waiting = threads;
  int started = 0;
  for (; started < threads; ++started) {
    shares[started] = (Share){cpus[started], steps, &waiting, 0, 0, 0};
    if (pthread_create(&handles[started], 0, run, &shares[started]))
      break;
  }
  /* Those that did start must not wait for those that did not. */
  atomic_fetch_sub(&waiting, threads - started);
  double first = 0, last = 0;
  for (int i = 0; i < started; ++i) {
    pthread_join(handles[i], 0);
    if (i == 0 || shares[i].start < first)
      first = shares[i].start;
    if (i == 0 || shares[i].end > last)
      last = shares[i].end;
  }
  if (started < threads)
    return -1;
  return 2.0 * LANES * kChains * (double)steps * threads / (last - first) / 1e9;
}
