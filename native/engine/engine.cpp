#include "engine/engine.hpp"

#include <cerrno>
#include <exception>
#include <utility>

namespace vethwork::engine {

void run_task(Job& task) noexcept {
  try {
    task.run();
  } catch (const sys::Refused& refused) {
    task.fail(refused.refusal);
  } catch (const std::exception& error) {
    task.fail({.error = ENOMEM, .detail = error.what()});
  }
}

void Engine::run(std::unique_ptr<Job> task) {
  // std::function wants to be copied, so the job travels in a shared box.
  auto box = std::make_shared<std::unique_ptr<Job>>(std::move(task));
  const auto end = [this, box] {
    Jobs jobs;
    jobs.push_back(std::move(*box));
    give_back(std::move(jobs));
  };
  const bool posted = post(Lane::quick, [box, end] {
    run_task(**box);
    end();
  });
  if (posted) return;
  (*box)->fail(no_worker());
  end();
}

bool Engine::post(Lane lane, std::function<void()> work) {
  return (lane == Lane::quick ? quick_ : slow_).post(std::move(work));
}

void Engine::stop() {
  quick_.stop();
  slow_.stop();
}

}  // namespace vethwork::engine
