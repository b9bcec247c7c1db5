// Sweeps counters at a period into memory that another thread reads without waiting.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "rtnl/counters.hpp"
#include "sys/refusal.hpp"

namespace vethwork::rtnl {

/// Three slots in shared memory: one is being written, one is the newest, one is being read.
///
/// Writer and reader each own a slot and swap it with the newest one atomically, so that neither
/// ever waits and no snapshot is ever half of two sweeps. The layout, in 64-bit words:
///
///   | state 1 | slot 0 | slot 1 | slot 2 |
///   slot:  | number 1 | time 1 | rows 1 | counters capacity × 25 | rates capacity × 25 |
///
/// `state` is the number of the newest slot, plus `kFresh` until the reader has taken it. The
/// reader begins with slot 2, the writer with slot 0, the newest is slot 1.
class SampleMemory {
 public:
  static constexpr std::uint64_t kFresh = 4;
  static constexpr std::size_t kSlotHeader = 3;

  static constexpr std::size_t words_for(std::size_t capacity) {
    return 1 + 3 * (kSlotHeader + 2 * capacity * kCounterColumns);
  }

  /// Takes memory over that holds `words_for(capacity)` words. Throws `std::length_error`.
  SampleMemory(std::span<std::uint64_t> words, std::size_t capacity);

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::span<std::uint64_t> header();
  [[nodiscard]] std::span<std::uint64_t> counters();
  /// Rates per second, each a double's bits.
  [[nodiscard]] std::span<std::uint64_t> rates();
  /// Makes the written slot the newest.
  void publish();

 private:
  [[nodiscard]] std::size_t slot_start() const;

  std::span<std::uint64_t> words_;
  std::size_t capacity_;
  std::uint64_t writing_ = 0;
};

/// A thread that sweeps.
class Sampler {
 public:
  Sampler(std::shared_ptr<CounterReader> reader, std::chrono::microseconds period)
      : reader_(std::move(reader)), period_(period) {}
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  ~Sampler() { stop(); }

  /// Writes into `memory` from now on; starts the thread the first time. The memory must stay until
  /// the next call or `stop`.
  void write_to(SampleMemory memory);
  void stop();

  /// How many rows the last sweep wanted; more than the capacity means that none were written.
  [[nodiscard]] std::size_t rows_wanted() const { return rows_wanted_.load(); }
  /// Why sampling has ended, if it has.
  std::optional<sys::Refusal> refusal();
  CounterReader& reader() { return *reader_; }

 private:
  void serve();
  void sample();
  void write_rates(const Sweep& sweep);

  std::shared_ptr<CounterReader> reader_;
  const std::chrono::microseconds period_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::optional<SampleMemory> memory_;
  std::optional<sys::Refusal> refusal_;
  std::atomic<std::size_t> rows_wanted_ = 0;
  std::uint64_t number_ = 0;
  Sweep previous_sweep_{};
  std::vector<std::uint64_t> previous_;
  std::vector<std::uint32_t> previous_indexes_;
  std::thread thread_;
};

}  // namespace vethwork::rtnl
