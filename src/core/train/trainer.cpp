// Takes cells with times and a model; trains the model and gives the history.
#include "train/trainer.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "base/option_archive.hpp"
#include "base/threads.hpp"
#include "models/neural_sde_impl.hpp"
#include "ot/sinkhorn.hpp"
#include "train/batches.hpp"
#include "train/loss.hpp"
#include "train/optimizer.hpp"
#include "train/split.hpp"

namespace fatefield {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Trajectories of held-out cells that the look at them averages over, at least.
constexpr std::int64_t kEvalTrajectories = 512;
// Rows of all updates and of the looks at held-out cells must never share noise.
constexpr std::uint64_t kEvalRows = 1ULL << 62;

void check_data(const TrainData& d, std::int64_t dims) {
  if (d.x.cols != dims) {
    throw model_error("The model has " + std::to_string(dims) + " dimensions, but the cells have " +
                      std::to_string(d.x.cols) + ".");
  }
  const auto n = static_cast<std::size_t>(d.x.rows);
  if (d.time.size() != n) throw input_error("time", "`time` must have one value for each cell.");
  for (double t : d.time) {
    if (!std::isfinite(t)) throw input_error("time", "`time` must be known for each cell.");
  }
  for (std::int64_t i = 0; i < d.x.rows * d.x.cols; ++i) {
    if (!std::isfinite(d.x.data[i])) throw input_error("object", "The states of the cells must be finite.");
  }
  if (!d.clone.empty() && d.clone.size() != n)
    throw input_error("clone", "`clone` must have one value for each cell.");
  if (!d.growth_rate.empty() && d.growth_rate.size() != n) {
    throw input_error("growth", "`growth` must have one value for each cell.");
  }
  if (std::set<double>(d.time.begin(), d.time.end()).size() < 2) {
    throw input_error("time", "`time` must have at least 2 different values.");
  }
}

void need(bool holds, const char* argument, const std::string& range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

// FNV-1a over states and times: tells whether a model meets the data it was trained on.
double fingerprint(const TrainData& d) {
  std::uint64_t h = 14695981039346656037ULL;
  const auto mix = [&](const double* values, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::uint64_t bits;
      std::memcpy(&bits, values + i, sizeof bits);
      h = (h ^ bits) * 1099511628211ULL;
    }
  };
  mix(d.x.data, d.x.rows * d.x.cols);
  mix(d.time.data(), static_cast<std::int64_t>(d.time.size()));
  mix(d.growth_rate.data(), static_cast<std::int64_t>(d.growth_rate.size()));
  return static_cast<double>(h >> 11);
}

// Centre, scale and time unit of the training cells; the published networks work in raw units.
Scaling measure(const TrainData& d, const std::vector<char>& held_out, const std::vector<double>& times,
                bool published) {
  Scaling s;
  s.centre.assign(static_cast<std::size_t>(d.x.cols), 0.0);
  if (published) return s;
  s.start = times.front();
  s.span = times.back() - times.front();
  double total = 0.0;
  for (std::int64_t j = 0; j < d.x.cols; ++j) {
    double sum = 0.0;
    double squares = 0.0;
    double n = 0.0;
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      if (held_out[static_cast<std::size_t>(i)]) continue;
      sum += d.x(i, j);
      n += 1.0;
    }
    const double mean = sum / n;
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      if (!held_out[static_cast<std::size_t>(i)]) squares += (d.x(i, j) - mean) * (d.x(i, j) - mean);
    }
    s.centre[static_cast<std::size_t>(j)] = mean;
    total += squares / n;
  }
  s.scale = std::sqrt(total / static_cast<double>(d.x.cols));
  if (!(s.scale > 0.0))
    throw input_error("object", "All cells are at the same point; there is nothing to learn.");
  return s;
}

// Cells of each time, scaled: all that training looks at.
struct Cells {
  std::vector<at::Tensor> train;
  std::vector<at::Tensor> held_out;
  at::Tensor train_growth;  // of the first time, per scaled time; undefined for none
  at::Tensor held_out_growth;
};

at::Tensor rows_of(const at::Tensor& z, const std::vector<std::int64_t>& rows) {
  const at::Tensor index = at::from_blob(const_cast<std::int64_t*>(rows.data()),
                                         {static_cast<std::int64_t>(rows.size())}, at::kLong);
  return z.index_select(0, index);
}

Cells gather(const NeuralSde::Impl& model, const TrainData& d, const std::vector<char>& held_out) {
  const at::Tensor z = model.scaled(d.x);
  at::Tensor rate;
  if (!d.growth_rate.empty()) {
    rate = at::empty({d.x.rows}, at::kDouble);
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      rate.data_ptr<double>()[i] = d.growth_rate[static_cast<std::size_t>(i)] * model.scaling.span;
    }
    rate = rate.to(model.type());
  }
  Cells out;
  for (std::size_t k = 0; k < model.times.size(); ++k) {
    std::vector<std::int64_t> train, held;
    for (std::size_t i = 0; i < d.time.size(); ++i) {
      if (d.time[i] == model.times[k]) (held_out[i] ? held : train).push_back(static_cast<std::int64_t>(i));
    }
    if (train.empty()) {
      throw input_error("validation", "`validation` leaves no cell of time " +
                                          std::to_string(model.times[k]) + " for training.");
    }
    out.train.push_back(rows_of(z, train));
    out.held_out.push_back(rows_of(z, held));
    if (k > 0 || !rate.defined()) continue;
    out.train_growth = rows_of(rate, train);
    out.held_out_growth = rows_of(rate, held);
  }
  return out;
}

// Everything that changes from update to update, kept with the model so that training can go on.
struct State {
  std::vector<at::Tensor> current, mean, best;
  Optimizer optimizer;
  std::int64_t best_update = 0;
  double best_value = std::numeric_limits<double>::infinity();
  std::int64_t looks_since_best = 0;
  std::vector<std::pair<std::string, std::vector<double>>> history;

  State(const NeuralSde::Impl& m, const TrainOptions& o)
      : current(copies(m.parameters)),
        mean(copies(m.parameters)),
        best(copies(m.parameters)),
        optimizer(o.optimizer, o.weight_decay, m.parameters) {}

  static std::vector<at::Tensor> copies(const std::vector<at::Tensor>& from) {
    std::vector<at::Tensor> out;
    for (const at::Tensor& p : from) out.push_back(p.detach().clone());
    return out;
  }

  void note(const std::string& column, double value) {
    for (auto& [name, values] : history) {
      if (name == column) {
        values.push_back(value);
        return;
      }
    }
    history.push_back({column, {value}});
  }
};

void save(const State& s, NeuralSde::Impl& m, std::uint64_t seed, double data) {
  Archive a;
  const auto& specs = m.nets.specs();
  put_tensors(a, "current.", specs, s.current);
  put_tensors(a, "mean.", specs, s.mean);
  put_tensors(a, "best.", specs, s.best);
  put_tensors(a, "second.", specs, s.optimizer.second);
  if (!s.optimizer.first.empty()) put_tensors(a, "first.", specs, s.optimizer.first);
  // The seed is kept in two halves: a double holds 53 bits.
  a.put("counters",
        {static_cast<double>(s.optimizer.steps), static_cast<double>(s.best_update), s.best_value,
         static_cast<double>(s.looks_since_best), static_cast<double>(seed >> 32),
         static_cast<double>(seed & 0xffffffffULL), data},
        {7});
  std::string names;
  for (const auto& [name, values] : s.history) {
    a.put("history." + name, values, {static_cast<std::int64_t>(values.size())});
    names += name + "\n";
  }
  a.put("history", names);
  m.training = a;
}

void load(State& s, const NeuralSde::Impl& m, std::uint64_t seed, double data) {
  const Archive& a = m.training;
  const std::vector<double>& c = a.numbers("counters").values;
  if (c.size() != 7) throw model_error("The state of training kept with the model is damaged.");
  const std::uint64_t kept_seed = (static_cast<std::uint64_t>(c[4]) << 32) | static_cast<std::uint64_t>(c[5]);
  if (c[6] != data || kept_seed != seed) {
    throw model_error(
        "The model was trained on other cells, growth rates or with another seed; "
        "training can only go on with the same.");
  }
  const auto& specs = m.nets.specs();
  s.current = get_tensors(a, "current.", specs, m.type());
  s.mean = get_tensors(a, "mean.", specs, m.type());
  s.best = get_tensors(a, "best.", specs, m.type());
  s.optimizer.second = get_tensors(a, "second.", specs, m.type());
  if (s.optimizer.first.empty() == a.has("first." + specs[0].name)) {
    throw model_error("The model was trained with another optimizer; training can only go on with the same.");
  }
  if (!s.optimizer.first.empty()) s.optimizer.first = get_tensors(a, "first.", specs, m.type());
  s.optimizer.steps = static_cast<std::int64_t>(c[0]);
  s.best_update = static_cast<std::int64_t>(c[1]);
  s.best_value = c[2];
  s.looks_since_best = static_cast<std::int64_t>(c[3]);
  const std::string& names = a.text("history");
  for (std::size_t at = 0, end; (end = names.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string name = names.substr(at, end - at);
    s.history.push_back({name, a.numbers("history." + name).values});
  }
}

SinkhornOptions sinkhorn_options(const TrainOptions& o) {
  SinkhornOptions out;
  out.blur = o.blur;
  out.scaling = o.scaling;
  out.reach = o.reach;
  return out;
}

LossOptions loss_options(const TrainOptions& o, const NeuralSde::Impl& m) {
  LossOptions out;
  out.sinkhorn = sinkhorn_options(o);
  out.sinkhorn.precision = m.options.precision;
  out.published = m.published();
  out.ratio_enforce = o.ratio_enforce;
  out.ratio_target = o.ratio_target;
  out.ratio_square = o.ratio_form == "square";
  out.ratio_factor = m.published() ? m.options.dt : 1.0;
  out.growth_penalty = o.growth_penalty;
  out.drift_penalty = o.drift_penalty;
  return out;
}

// One training run: what stays the same from update to update.
class Run {
 public:
  Run(NeuralSde::Impl& m, const Cells& cells, const TrainOptions& o, std::uint64_t seed,
      const KeepGoing& keep_going)
      : m_(m),
        cells_(cells),
        o_(o),
        seed_(seed),
        grid_(scaled_grid(m.grid(m.times), m.scaling.start, m.scaling.span)),
        loss_(loss_options(o, m)),
        batches_(sizes(cells.train), o.batch_size, seed),
        keep_going_(keep_going) {
    for (double t : m.times) times_.push_back((t - m.scaling.start) / m.scaling.span);
    can_look_ = true;
    for (const at::Tensor& x : cells.held_out) can_look_ = can_look_ && x.size(0) >= 2;
  }

  bool can_look() const { return can_look_; }

  LossValue update(const std::vector<at::Tensor>& parameters, std::int64_t u) {
    LossBatch batch;
    batch.times = times_;
    for (std::size_t k = 0; k < times_.size(); ++k) {
      const std::vector<std::int64_t> rows = batches_.cells(k, u);
      batch.observed.push_back(rows_of(cells_.train[k], rows).contiguous());
      if (k == 0 && cells_.train_growth.defined()) batch.growth_rate = rows_of(cells_.train_growth, rows);
    }
    batch.start = batch.observed[0];
    const auto first = static_cast<std::uint64_t>(u) * static_cast<std::uint64_t>(batch.start.size(0));
    LossJob job = make_job(first);
    job.dropout = m_.options.dropout;
    job.dropout_seed = seed_ ^ (static_cast<std::uint64_t>(u) << 20);
    return rollout_loss(job, parameters, batch, true);
  }

  /// Mean divergence of the later times on held-out cells; the same cells and the same noise at every look.
  double look(const std::vector<at::Tensor>& parameters) {
    LossBatch batch;
    batch.times = times_;
    for (const at::Tensor& x : cells_.held_out) {
      batch.observed.push_back(x.narrow(0, 0, std::min(o_.eval_cells, x.size(0))).contiguous());
    }
    const std::int64_t n = batch.observed[0].size(0);
    const std::int64_t copies = std::max<std::int64_t>(1, kEvalTrajectories / n);
    batch.start = batch.observed[0].repeat({copies, 1});
    if (cells_.held_out_growth.defined())
      batch.growth_rate = cells_.held_out_growth.narrow(0, 0, n).repeat({copies});
    LossJob job = make_job(kEvalRows);
    const LossValue v = rollout_loss(job, parameters, batch, false);
    double total = 0.0;
    for (std::size_t k = 1; k < v.sinkhorn.size(); ++k) total += v.sinkhorn[k];
    return total / static_cast<double>(v.sinkhorn.size() - 1);
  }

 private:
  static std::vector<std::int64_t> sizes(const std::vector<at::Tensor>& x) {
    std::vector<std::int64_t> out;
    for (const at::Tensor& t : x) out.push_back(t.size(0));
    return out;
  }

  LossJob make_job(std::uint64_t first_row) {
    const at::Tensor like = cells_.train[0];
    return {m_.nets,
            *m_.solver,
            grid_,
            loss_,
            [this, first_row, like](std::int64_t first, std::int64_t n, std::int64_t step) {
              return philox_increment(seed_, first_row + static_cast<std::uint64_t>(first), step,
                                      grid_.h[static_cast<std::size_t>(step)], n, m_.nets.brownian_dims(),
                                      m_.solver->needs_levy(), like);
            },
            0.0,
            0,
            keep_going_};
  }

  NeuralSde::Impl& m_;
  const Cells& cells_;
  const TrainOptions& o_;
  std::uint64_t seed_;
  StepGrid grid_;
  LossOptions loss_;
  Batches batches_;
  const KeepGoing& keep_going_;
  std::vector<double> times_;
  bool can_look_;
};

void note_update(State& s, const NeuralSde::Impl& m, const LossValue& v, double norm, double rate,
                 double held_out) {
  s.note("update", static_cast<double>(s.optimizer.steps));
  s.note("loss", v.total);
  for (std::size_t k = 1; k < v.sinkhorn.size(); ++k) {
    std::string time = std::to_string(m.times[k]);
    time.erase(time.find_last_not_of('0') + 1);
    if (time.back() == '.') time.pop_back();
    s.note("sinkhorn_" + time, v.sinkhorn[k]);
  }
  s.note("ratio_penalty", v.ratio_penalty);
  s.note("growth_effort", v.growth_effort);
  s.note("drift_effort", v.drift_effort);
  s.note("gradient_norm", norm);
  s.note("learning_rate", rate);
  s.note("held_out", held_out);
}

void follow(std::vector<at::Tensor>& mean, const std::vector<at::Tensor>& current, double ema,
            std::int64_t steps) {
  // Early weights must not linger: the decay rises to its value over the first updates.
  const double u = static_cast<double>(steps);
  const double decay = std::min(ema, (1.0 + u) / (10.0 + u));
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (ema > 0.0) {
      mean[i].mul_(decay).add_(current[i], 1.0 - decay);
    } else {
      mean[i].copy_(current[i]);
    }
  }
}

bool finite(const std::vector<at::Tensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const at::Tensor& t) { return t.isfinite().all().item<bool>(); });
}

// Runs the loop and says how it ended.
std::string train(Run& run, State& s, const NeuralSde::Impl& m, const TrainOptions& o, const Tick& tick) {
  while (s.optimizer.steps < o.updates) {
    const std::int64_t u = s.optimizer.steps;
    LossValue v = run.update(s.current, u);
    const double norm = clip_gradients(v.gradients, o.clip);
    if (!std::isfinite(v.total) || !finite(v.gradients)) return "diverged";
    const double rate = learning_rate(o, u);
    s.optimizer.step(s.current, v.gradients, rate);
    follow(s.mean, s.current, o.ema, s.optimizer.steps);
    double held_out = kNone;
    const bool due = s.optimizer.steps % o.eval_every == 0 || s.optimizer.steps == o.updates;
    if (run.can_look() && due) {
      held_out = run.look(s.mean);
      ++s.looks_since_best;
      if (held_out < s.best_value) {
        s.best_value = held_out;
        s.best_update = s.optimizer.steps;
        s.best = State::copies(s.mean);
        s.looks_since_best = 0;
      }
    }
    note_update(s, m, v, norm, rate, held_out);
    if (!tick({s.optimizer.steps, o.updates, v.total, s.best_value})) return "interrupted";
    if (o.patience > 0 && s.looks_since_best >= o.patience) return "early";
  }
  return "finished";
}

}  // namespace

void check_options(const TrainOptions& o) {
  need(o.updates >= 1, "updates", "at least 1");
  need(o.learning_rate > 0.0 && std::isfinite(o.learning_rate), "learning.rate", "a positive number");
  need(o.weight_decay >= 0.0, "weight.decay", "at least 0");
  need(o.warmup >= 0.0 && o.warmup < 1.0, "warmup", "at least 0 and below 1");
  need(o.schedule == "cosine" || o.schedule == "step" || o.schedule == "constant", "schedule",
       "\"cosine\", \"step\" or \"constant\"");
  need(o.clip >= 0.0, "clip", "at least 0");
  need(o.ema >= 0.0 && o.ema < 1.0, "ema", "at least 0 and below 1");
  need(o.ratio_enforce >= 0.0, "ratio.enforce", "at least 0");
  need(o.ratio_form == "square" || o.ratio_form == "abs", "ratio.form", "\"square\" or \"abs\"");
  need(o.drift_penalty >= 0.0, "drift.penalty", "at least 0");
  need(o.growth_penalty >= 0.0, "growth.penalty", "at least 0");
  need(o.validation >= 0.0 && o.validation <= 0.9, "validation", "between 0 and 0.9");
  need(o.eval_every >= 1, "eval.every", "at least 1");
  need(o.eval_cells >= 1, "eval.cells", "at least 1");
  need(o.patience >= 0, "patience", "at least 0");
  check_options(sinkhorn_options(o));
}

TrainReport fit_sde(NeuralSde& model, const TrainData& data, const TrainOptions& options, std::uint64_t seed,
                    const Tick& tick, const KeepGoing& keep_going) {
  NeuralSde::Impl& m = model.impl();
  check_data(data, m.nets.dims());
  check_options(options);
  const TorchThreadScope one_thread;
  const KeepMemory keep_memory;
  const c10::NoGradGuard no_gradients;

  const std::set<double> distinct(data.time.begin(), data.time.end());
  const std::vector<double> times(distinct.begin(), distinct.end());
  const std::vector<char> held_out = held_out_cells(data.time, data.clone, options.validation, seed);
  const double data_print = fingerprint(data);
  const bool resumed = !m.training.names().empty();
  State s(m, options);
  if (resumed) {
    load(s, m, seed, data_print);
  } else {
    m.times = times;
    m.scaling = measure(data, held_out, times, m.published());
  }
  const Cells cells = gather(m, data, held_out);
  Run run(m, cells, options, seed, keep_going);

  TrainReport report;
  try {
    report.ended = train(run, s, m, options, tick);
  } catch (const Interrupted&) {
    report.ended = "interrupted";
  }
  const bool looked = s.best_update > 0;
  if (report.ended == "diverged" && s.optimizer.steps == 0) {
    throw numeric_error(
        "The loss is not finite at the first update; check the scale of the data, or take a smaller "
        "`learning.rate` or `dt`.");
  }
  m.parameters = State::copies(looked ? s.best : s.mean);
  save(s, m, seed, data_print);
  report.history = s.history;
  report.updates = s.optimizer.steps;
  report.best_update = looked ? s.best_update : s.optimizer.steps;
  report.held_out = looked ? s.best_value : kNone;
  return report;
}

}  // namespace fatefield
