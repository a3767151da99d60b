// Takes cells and a model; gives the batches and the loss of bridge matching.
#include "sde/train/bridges.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/plan_options.hpp"
#include "base/rng.hpp"
#include "base/sampling.hpp"
#include "ot/time_plan.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "sde/model/rollout.hpp"
#include "sde/train/clones.hpp"
#include "sde/train/plan.hpp"
#include "sde/train/views.hpp"

namespace fatefield {
namespace {

// "auto" takes this many cells of a time at most, whose plans are a second's work.
constexpr std::int64_t kSnapshotCells = 10000;
// Partners that are kept for each cell of a snapshot.
constexpr std::int64_t kPartners = 64;
// Numbers of draws in the stream of bridges, so that no two purposes share any.
enum Draw : std::uint32_t { kNormals = 0, kSigns = 1, kPlace = 2, kPartner = 3 };
// Rows of whole snapshots are counted from here, those of batches from 0.
constexpr std::uint64_t kSnapshotRows = 1ULL << 62;
// The plan is found until it misses the cells' weights by this share.
constexpr double kTolerance = 0.01;
constexpr std::int64_t kIterations = 200;
// Cells of the later time that tell where a path is expected to end, at most; their draws are counted from
// kEndDraws.
constexpr std::int64_t kEnds = 1024;
constexpr std::uint64_t kEndDraws = 1ULL << 40;

// Pooled variance of each dimension within times.
std::vector<double> variance_of(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> rows;
  for (const at::Tensor& part : x) rows.push_back(part.to(at::kDouble).contiguous());
  const std::int64_t dims = x.front().size(1);
  return ot::within_variance(sizes_of(x), dims, [&](std::size_t k, std::int64_t i, std::int64_t d) {
    return rows[k].data_ptr<double>()[i * dims + d];
  });
}

std::vector<std::int64_t> some_of(const std::vector<std::int64_t>& v, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> out;
  for (const std::int64_t i : rows) out.push_back(v[static_cast<std::size_t>(i)]);
  return out;
}

// The cells that a bridge is learned from, their given rates, their clones and their velocities.
void thin(std::vector<at::Tensor>& x, std::vector<at::Tensor>& rates,
          std::vector<std::vector<std::int64_t>>& clone, std::vector<at::Tensor>& velocity,
          std::uint64_t seed) {
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (x[k].size(0) <= kSnapshotCells) continue;
    const std::vector<std::int64_t> rows =
        ot::plan_cells(x[k].size(0), kSnapshotCells, seed, static_cast<std::int64_t>(k));
    x[k] = rows_of(x[k], rows).contiguous();
    if (rates[k].defined()) rates[k] = rows_of(rates[k], rows);
    if (!clone.empty()) clone[k] = some_of(clone[k], rows);
    if (!velocity.empty()) velocity[k] = rows_of(velocity[k], rows);
  }
}

PlanOptions assumptions(const TrainOptions& o) {
  PlanOptions out;
  out.noise = o.bridge_noise;
  out.reach = o.bridge_reach;
  out.marginals = o.bridge_marginals;
  return out;
}

}  // namespace

Bridges::Bridges(const NeuralSde::Impl& m, const Cells& cells, const TrainOptions& o, std::uint64_t seed,
                 const KeepGoing& keep_going)
    : m_(m),
      x_(cells.train),
      rates_(cells.train_growth),
      clone_(cells.train_clone),
      clone_trust_(cells.clone_trust),
      shift_(cells.train_velocity),
      o_(o),
      seed_(seed),
      keep_going_(keep_going) {
  if (o.bridge_plan == "auto") thin(x_, rates_, clone_, shift_, seed);
  batches_ = std::make_unique<Batches>(sizes_of(x_), o.batch_size, usual_batch(true, m.nets.dims()), seed);
  for (std::size_t k = 0; k + 1 < m.times.size(); ++k) {
    starts_.push_back((m.times[k] - m.scaling.start) / m.scaling.span);
    lengths_.push_back((m.times[k + 1] - m.times[k]) / m.scaling.span);
    if (!shift_.empty()) shift_[k] = shift_[k] * lengths_.back();
  }
  measure_noise();
  measure_steps();
  options_.shape = o.bridge_shape;
  options_.growth_penalty = o.growth_penalty;
  options_.stratonovich = m.solver->calculus == Calculus::Stratonovich;
  partners_.resize(lengths_.size());
  ends_.resize(lengths_.size());
  for (std::size_t k = 0; k < lengths_.size(); ++k) {
    if (o.bridge_plan == "minibatch") continue;
    partners_[k] = couple(shift_.empty() ? x_[k] : x_[k] + shift_[k], rates_[k], x_[k + 1], k, kPartners,
                          kSnapshotRows + (static_cast<std::uint64_t>(k) << 40), mates(k));
    if (knows_drift()) ends_[k] = all_ends(partners_[k], x_[k + 1]);
  }
}

// Errors are measured against the variances.
void Bridges::measure_noise() {
  const auto as_tensor = [](const std::vector<double>& v) {
    return at::tensor(v, at::TensorOptions(at::kDouble));
  };
  const std::vector<double> within = variance_of(x_);
  const at::Tensor variance = as_tensor(within);
  for (const ot::PlanScale& scale : ot::plan_scales(within, m_.times, assumptions(o_))) {
    sd_.push_back(as_tensor(scale.sd));
    if (o_.bridge_blur > 0.0) {
      const std::vector<double> blur(within.size(), o_.bridge_blur);
      unit_.push_back(as_tensor(blur));
      reach_.push_back(o_.bridge_reach * ot::usual_distance(within, blur));
    } else {
      unit_.push_back(sd_.back());
      reach_.push_back(scale.reach);
    }
    if (o_.reach > 0.0) reach_.back() = o_.reach / unit_.back().mean().item<double>();
  }
  const at::Tensor weight = variance.pow(-o_.bridge_balance);
  options_.weight = (weight / weight.mean()).to(m_.like());
}

// No step begins later in an interval than its last one.
void Bridges::measure_steps() {
  widest_.assign(lengths_.size(), 1.0);
  if (!knows_drift()) return;
  const StepGrid grid = scaled_grid(m_.grid(m_.times), m_.scaling.start, m_.scaling.span);
  for (std::size_t k = 0; k < lengths_.size(); ++k) {
    const auto last = static_cast<std::size_t>(grid.outputs[k + 1].step);
    widest_[k] = 1.0 - 0.5 * std::min(1.0, grid.h[last] / lengths_[k]);
  }
}

SinkhornOptions Bridges::plan_options(std::size_t k) const {
  SinkhornOptions out;
  out.blur = 1.0;
  out.scaling = o_.scaling;
  out.tolerance = kTolerance;
  out.max_iterations = kIterations;
  out.precision = m_.options.precision;
  out.reach = m_.nets.has_growth() || o_.reach > 0.0 ? reach_[k] : 0.0;
  return out;
}

ot::RaisedPairs Bridges::mates(std::size_t k) const {
  return clone_.empty() ? ot::RaisedPairs() : clone_pairs(clone_[k], clone_[k + 1], clone_trust_[k]);
}

ot::RaisedPairs Bridges::mates(std::size_t k, const std::vector<std::int64_t>& from,
                               const std::vector<std::int64_t>& to) const {
  if (clone_.empty()) return {};
  return clone_pairs(some_of(clone_[k], from), some_of(clone_[k + 1], to), clone_trust_[k]);
}

// Plans are found in units of their temperature.
Partners Bridges::couple(const at::Tensor& x, const at::Tensor& rate, const at::Tensor& y, std::size_t k,
                         std::int64_t draws, std::uint64_t first, ot::RaisedPairs raised) const {
  at::Tensor weights;
  if (rate.defined()) weights = at::softmax(rate * lengths_[k], 0).contiguous();
  const PartnerDraw draw{draws, seed_, first, o_.bridge_marginals == "both"};
  const at::Tensor unit = unit_[k].to(m_.type());
  const at::Tensor from = (x / unit).contiguous(), to = (y / unit).contiguous();
  if (m_.type() == at::kDouble) {
    return draw_partners<double>(cloud<double>(from, weights), cloud<double>(to, {}), plan_options(k), draw,
                                 keep_going_, std::move(raised));
  }
  return draw_partners<float>(cloud<float>(from, weights), cloud<float>(to, {}), plan_options(k), draw,
                              keep_going_, std::move(raised));
}

// The drift is known where the model can have the noise of the plan, the same everywhere.
bool Bridges::knows_drift() const {
  return m_.options.diffusion == "diagonal" && o_.bridge_shape == 0.0 && !(o_.bridge_blur > 0.0);
}

// The cells y of a later time with what their plan gives them.
BridgeEnds Bridges::all_ends(const Partners& plan, const at::Tensor& y) const {
  const auto column = [&](const std::vector<double>& v) {
    return at::tensor(v, at::TensorOptions(at::kDouble)).to(m_.type());
  };
  BridgeEnds out;
  out.points = y;
  out.log_weight = column(plan.log_weight) + column(plan.potential);
  if (!plan.target_growth.empty()) out.log_growth = column(plan.target_growth);
  return out;
}

// Some of the ends of interval k.
BridgeEnds Bridges::some_ends(const BridgeEnds& all, std::int64_t u, std::size_t k) const {
  const std::int64_t n = all.points.size(0);
  if (n <= kEnds) return all;
  const auto purpose = static_cast<std::uint64_t>(u) * lengths_.size() + k;
  const std::vector<std::int64_t> some =
      draw_without_replacement(n, kEnds, seed_, Stream::Bridge, kEndDraws + purpose);
  BridgeEnds out;
  out.points = rows_of(all.points, some);
  out.log_weight = rows_of(all.log_weight, some);
  if (all.log_growth.defined()) out.log_growth = rows_of(all.log_growth, some);
  return out;
}

// What speaks for some ends of these rows of the plan beside their place; each row has as many entries as
// that with the most.
RaisedEnds Bridges::raised_ends(const Partners& plan, const BridgeEnds& all,
                                const std::vector<std::int64_t>& rows) const {
  if (plan.raised.empty()) return {};
  const auto begin = [&](std::int64_t row) { return plan.raised.begin[static_cast<std::size_t>(row)]; };
  std::int64_t most = 0;
  for (const std::int64_t row : rows) most = std::max(most, begin(row + 1) - begin(row));
  if (most == 0) return {};
  const auto n = static_cast<std::int64_t>(rows.size());
  const at::Tensor column = at::zeros({n, most}, at::kLong);
  const at::Tensor more = at::full({n, most}, -INFINITY, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t first = begin(rows[static_cast<std::size_t>(i)]);
    const std::int64_t count = begin(rows[static_cast<std::size_t>(i)] + 1) - first;
    for (std::int64_t r = 0; r < count; ++r) {
      const auto e = static_cast<std::size_t>(first + r);
      column.data_ptr<std::int64_t>()[i * most + r] = plan.raised.column[e];
      more.data_ptr<double>()[i * most + r] = plan.raised.log_more[e];
    }
  }
  const at::Tensor flat = column.flatten();
  // Where only some ends stand for all, these count for as many more.
  const std::int64_t m = all.points.size(0);
  const double scale = std::log(static_cast<double>(m) / static_cast<double>(std::min(m, kEnds)));
  RaisedEnds out;
  out.points = all.points.index_select(0, flat).view({n, most, all.points.size(1)});
  out.log_weight = all.log_weight.index_select(0, flat).view({n, most}) + (more - scale).to(m_.type());
  if (all.log_growth.defined()) out.log_growth = all.log_growth.index_select(0, flat).view({n, most});
  return out;
}

// Where the reference drift alone takes these cells of time k by the next one.
at::Tensor Bridges::ahead(std::size_t k, const at::Tensor& x, const std::vector<std::int64_t>& rows) const {
  return shift_.empty() ? x : x + rows_of(shift_[k], rows);
}

// Under a reference drift that stays what it was where a path began, by which the path moves by u over the
// interval, the chance of each end is that without drift of a path that is at x + (1 - t) u: the bridge
// between two cells does not depend on the drift, and the density of ends given the beginning is a normal one
// around x0 + u.
at::Tensor Bridges::known_drift(const BridgeBatch& b, const at::Tensor& shift,
                                const std::vector<BridgeEnds>& ends_of,
                                const std::vector<RaisedEnds>& raised_of) const {
  const at::Tensor left = (1.0 - b.place).unsqueeze(1);
  const at::Tensor x = shift.defined() ? b.points + left * shift : b.points;
  std::vector<at::Tensor> to;
  std::int64_t at = 0;
  for (std::size_t k = 0; k < lengths_.size(); ++k) {
    const std::int64_t n = batches_->size(k);
    to.push_back(expected_end(ends_of[k], x.narrow(0, at, n), b.place.narrow(0, at, n), sd_[k].to(m_.type()),
                              raised_of[k].points.defined() ? &raised_of[k] : nullptr));
    at += n;
  }
  return (at::cat(to, 0) - b.points) / (b.length * (1.0 - b.place)).unsqueeze(1);
}

BridgeBatch Bridges::batch(std::int64_t u) {
  std::int64_t rows = 0;
  for (std::size_t k = 0; k < lengths_.size(); ++k) rows += batches_->size(k);
  const auto first = static_cast<std::uint64_t>(u) * static_cast<std::uint64_t>(rows);
  std::vector<at::Tensor> from, to, noise, shift;
  std::vector<double> place, start, length, growth;
  std::vector<BridgeEnds> ends_of;
  std::vector<RaisedEnds> raised_of;
  for (std::size_t k = 0; k < lengths_.size(); ++k) {
    const std::vector<std::int64_t> sources = batches_->cells(k, u);
    const auto n = static_cast<std::int64_t>(sources.size());
    const std::uint64_t row = first + place.size();
    const at::Tensor x = rows_of(x_[k], sources).contiguous();
    std::vector<std::int64_t> targets(sources.size());
    const Partners* pairs = &partners_[k];
    Partners drawn;
    std::vector<std::int64_t> candidates;
    if (pairs->draws == 0) {
      candidates = batches_->cells(k + 1, u);
      const at::Tensor& rate = rates_[k];
      drawn = couple(ahead(k, x, sources), rate.defined() ? rows_of(rate, sources) : rate,
                     rows_of(x_[k + 1], candidates).contiguous(), k, 1, row, mates(k, sources, candidates));
      pairs = &drawn;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::uint64_t number = row + at;
      const auto draw = static_cast<std::int64_t>(
          uniform_index(seed_, Stream::Bridge, number, kPartner, static_cast<std::uint64_t>(pairs->draws)));
      const auto pair =
          static_cast<std::size_t>((candidates.empty() ? sources[at] : i) * pairs->draws + draw);
      targets[at] = candidates.empty() ? pairs->target[pair]
                                       : candidates[static_cast<std::size_t>(pairs->target[pair])];
      if (!pairs->log_growth.empty()) growth.push_back(pairs->log_growth[pair]);
      // Places are spread evenly over the interval.
      place.push_back(widest_[k] * (static_cast<double>(i) + uniform(seed_, Stream::Bridge, number, kPlace)) /
                      static_cast<double>(n));
      start.push_back(starts_[k]);
      length.push_back(lengths_[k]);
    }
    from.push_back(x);
    if (!shift_.empty()) shift.push_back(rows_of(shift_[k], sources));
    to.push_back(rows_of(x_[k + 1], targets));
    noise.push_back((sd_[k] / std::sqrt(lengths_[k])).to(m_.type()).expand({n, x.size(1)}));
    if (!knows_drift()) continue;
    const BridgeEnds all = candidates.empty() ? ends_[k] : all_ends(*pairs, rows_of(x_[k + 1], candidates));
    ends_of.push_back(some_ends(all, u, k));
    std::vector<std::int64_t> rows_of_plan = sources;
    if (!candidates.empty()) std::iota(rows_of_plan.begin(), rows_of_plan.end(), 0);
    raised_of.push_back(raised_ends(*pairs, all, rows_of_plan));
  }
  const auto tensor = [&](const std::vector<double>& v) {
    return at::tensor(v, at::TensorOptions(at::kDouble)).to(m_.type());
  };
  BridgeBatch out;
  out.from = at::cat(from, 0);
  out.to = at::cat(to, 0);
  out.place = tensor(place);
  out.start = tensor(start);
  out.length = tensor(length);
  if (!growth.empty()) out.log_growth = tensor(growth);
  const auto draw_normals = [&](Draw purpose) {
    at::Tensor z = at::empty_like(out.from);
    const std::int64_t dims = z.size(1);
    if (m_.type() == at::kDouble) {
      normals(seed_, Stream::Bridge, first, rows, purpose, dims, z.data_ptr<double>());
    } else {
      normals(seed_, Stream::Bridge, first, rows, purpose, dims, z.data_ptr<float>());
    }
    return z;
  };
  out.normals = draw_normals(kNormals);
  out.noise = at::cat(noise, 0);
  out.points = bridge_points(out, out.noise);
  if (knows_drift()) {
    out.target = known_drift(out, shift.empty() ? at::Tensor() : at::cat(shift, 0), ends_of, raised_of);
  } else {
    out.signs = at::where(draw_normals(kSigns) > 0, at::ones({}, out.from.options()),
                          at::full({}, -1.0, out.from.options()));
  }
  for (at::Tensor* t : {&out.from, &out.to, &out.place, &out.start, &out.length, &out.normals, &out.signs,
                        &out.noise, &out.log_growth, &out.target}) {
    if (t->defined()) *t = t->to(m_.device);
  }
  return out;
}

StageUpdate Bridges::update(const std::vector<at::Tensor>& parameters, std::int64_t u) {
  BridgeJob job{m_.nets, options_, m_.options.dropout, seed_ ^ (static_cast<std::uint64_t>(u) << 20),
                keep_going_};
  BridgeValue v = bridge_loss(job, parameters, batch(u), true);
  StageUpdate out;
  out.loss = v.total;
  out.gradients = std::move(v.gradients);
  out.notes = {{"drift_error", v.drift}, {"diffusion_error", v.diffusion}};
  if (m_.nets.has_growth()) out.notes.push_back({"growth_error", v.growth});
  return out;
}

}  // namespace fatefield
