#include "rtnl/sampler.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "sys/thread.hpp"

namespace vethwork::rtnl {

SampleMemory::SampleMemory(std::span<std::uint64_t> words, std::size_t capacity)
    : words_(words), capacity_(capacity) {
  if (words.size() < words_for(capacity)) throw std::length_error{"the memory is too small"};
  std::ranges::fill(words_, 0);
  words_.front() = 1;
}

std::size_t SampleMemory::slot_start() const {
  return 1 + writing_ * (kSlotHeader + 2 * capacity_ * kCounterColumns);
}

std::span<std::uint64_t> SampleMemory::header() {
  return words_.subspan(slot_start(), kSlotHeader);
}

std::span<std::uint64_t> SampleMemory::counters() {
  return words_.subspan(slot_start() + kSlotHeader, capacity_ * kCounterColumns);
}

std::span<std::uint64_t> SampleMemory::rates() {
  return words_.subspan(slot_start() + kSlotHeader + capacity_ * kCounterColumns,
                        capacity_ * kCounterColumns);
}

void SampleMemory::publish() {
  // std::atomic_ref, in words that libc++ 17 knows, too.
  writing_ = __atomic_exchange_n(&words_.front(), writing_ | kFresh, __ATOMIC_ACQ_REL) & ~kFresh;
}

void Sampler::write_to(SampleMemory memory) {
  {
    const std::lock_guard lock{mutex_};
    memory_ = memory;
  }
  if (thread_.joinable()) {
    wake_.notify_one();
    return;
  }
  thread_ = sys::start_thread([this] { serve(); });
}

void Sampler::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::optional<sys::Refusal> Sampler::refusal() {
  const std::lock_guard lock{mutex_};
  return refusal_;
}

void Sampler::serve() {
  std::unique_lock lock{mutex_};
  auto due = std::chrono::steady_clock::now();
  while (!stopping_) {
    try {
      sample();
    } catch (const sys::Refused& refused) {
      refusal_ = refused.refusal;
      return;
    }
    // A sweep that took longer than the period is not made up for.
    due = std::max(due + period_, std::chrono::steady_clock::now());
    wake_.wait_until(lock, due, [this] { return stopping_; });
  }
}

void Sampler::sample() {
  const Sweep sweep = reader_->sweep(memory_->counters());
  rows_wanted_ = sweep.rows;
  if (sweep.rows > memory_->capacity()) return;
  write_rates(sweep);
  const auto header = memory_->header();
  header[0] = ++number_;
  header[1] = sweep.time;
  header[2] = sweep.rows;
  memory_->publish();
}

void Sampler::write_rates(const Sweep& sweep) {
  const auto counters = memory_->counters();
  const auto rates = memory_->rates();
  std::vector<std::uint32_t> indexes = reader_->indexes();
  const double seconds = static_cast<double>(sweep.time - previous_sweep_.time) / 1e9;
  for (std::size_t row = 0; row < sweep.rows; ++row) {
    // A row's first sample has nothing to be compared with.
    const bool same = row < previous_indexes_.size() && row < indexes.size() &&
                      previous_indexes_[row] == indexes[row] && seconds > 0;
    for (std::size_t place = row * kCounterColumns; place < (row + 1) * kCounterColumns; ++place) {
      double rate = 0;
      if (same) {
        const std::uint64_t now = counters[place];
        const std::uint64_t before = previous_[place];
        // A counter that went back was reset, and has counted from zero since.
        rate = static_cast<double>(now >= before ? now - before : now) / seconds;
      }
      rates[place] = std::bit_cast<std::uint64_t>(rate);
    }
  }
  previous_.assign(counters.begin(),
                   counters.begin() + static_cast<std::ptrdiff_t>(sweep.rows * kCounterColumns));
  previous_indexes_ = std::move(indexes);
  previous_sweep_ = sweep;
}

}  // namespace vethwork::rtnl
