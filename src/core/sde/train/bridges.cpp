// Takes cells and a model; gives the batches and the loss of bridge matching.
#include "sde/train/bridges.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/rng.hpp"
#include "sde/train/views.hpp"

namespace fatefield {
namespace {

// "auto" finds the plan between whole snapshots up to this many pairs of cells: a second's work.
constexpr double kSnapshotPairs = 1e8;
// Partners that are kept for each cell of a snapshot.
constexpr std::int64_t kPartners = 64;
// Numbers of draws in the stream of bridges, so that no two purposes share any.
enum Draw : std::uint32_t { kNormals = 0, kSigns = 1, kPlace = 2, kPartner = 3 };
// Rows of whole snapshots are counted from here, those of batches from 0.
constexpr std::uint64_t kSnapshotRows = 1ULL << 62;
// The plan is found until it misses the cells' weights by this share.
constexpr double kTolerance = 0.01;
constexpr std::int64_t kIterations = 200;
// Variances of dimensions count as at least this share of their mean, so that constant dimensions do no harm.
constexpr double kLeastVariance = 1e-4;

// Pooled variance of each dimension within times, in doubles.
at::Tensor within_variance(const std::vector<at::Tensor>& x) {
  at::Tensor squares;
  double n = 0.0;
  for (const at::Tensor& part : x) {
    const at::Tensor y = part.to(at::kDouble);
    const at::Tensor sum = (y - y.mean(0, true)).square().sum(0);
    squares = squares.defined() ? squares + sum : sum;
    n += static_cast<double>(part.size(0));
  }
  const at::Tensor v = squares / n;
  return at::maximum(v, v.mean() * kLeastVariance);
}

}  // namespace

Bridges::Bridges(const NeuralSde::Impl& m, const Cells& cells, const TrainOptions& o, std::uint64_t seed,
                 const KeepGoing& keep_going)
    : m_(m),
      cells_(cells),
      o_(o),
      seed_(seed),
      keep_going_(keep_going),
      batches_(sizes_of(cells.train), o.batch_size, seed) {
  for (std::size_t k = 0; k + 1 < m.times.size(); ++k) {
    starts_.push_back((m.times[k] - m.scaling.start) / m.scaling.span);
    lengths_.push_back((m.times[k + 1] - m.times[k]) / m.scaling.span);
  }
  measure_noise();
  options_.shape = o.bridge_shape;
  options_.growth_penalty = o.growth_penalty;
  options_.stratonovich = m.solver->calculus == Calculus::Stratonovich;
  partners_.resize(lengths_.size());
  for (std::size_t k = 0; k < lengths_.size(); ++k) {
    if (!snapshots(k)) continue;
    partners_[k] = couple(cells.train[k], cells.train_growth[k], cells.train[k + 1], k, kPartners,
                          kSnapshotRows + (static_cast<std::uint64_t>(k) << 40));
  }
}

bool Bridges::snapshots(std::size_t k) const {
  if (o_.bridge_plan != "auto") return o_.bridge_plan == "snapshot";
  const double pairs =
      static_cast<double>(cells_.train[k].size(0)) * static_cast<double>(cells_.train[k + 1].size(0));
  return pairs <= kSnapshotPairs;
}

// sigma^2 is a share of the variance within times over the whole span; errors are measured against it.
void Bridges::measure_noise() {
  const at::Tensor variance = within_variance(cells_.train);
  usual_distance_ = std::sqrt(variance.sum().item<double>());
  const double span = lengths_.back() + starts_.back() - starts_.front();
  const at::Tensor noise = (variance * (o_.bridge_noise / span)).sqrt();
  options_.noise = noise.to(m_.like());
  const at::Tensor weight = variance.pow(-o_.bridge_balance);
  options_.weight = (weight / weight.mean()).to(m_.like());
}

SinkhornOptions Bridges::plan_options() const {
  SinkhornOptions out;
  out.blur = o_.bridge_blur;
  out.scaling = o_.scaling;
  out.tolerance = kTolerance;
  out.max_iterations = kIterations;
  out.precision = m_.options.precision;
  out.reach = o_.reach;
  if (m_.nets.has_growth() && !(o_.reach > 0.0)) out.reach = o_.bridge_reach * usual_distance_;
  return out;
}

Partners Bridges::couple(const at::Tensor& x, const at::Tensor& rate, const at::Tensor& y, std::size_t k,
                         std::int64_t draws, std::uint64_t first) const {
  at::Tensor weights;
  if (rate.defined()) weights = at::softmax(rate * lengths_[k], 0).contiguous();
  const PartnerDraw draw{draws, seed_, first};
  if (m_.type() == at::kDouble) {
    return draw_partners<double>(cloud<double>(x, weights), cloud<double>(y, {}), plan_options(), draw,
                                 keep_going_);
  }
  return draw_partners<float>(cloud<float>(x, weights), cloud<float>(y, {}), plan_options(), draw,
                              keep_going_);
}

BridgeBatch Bridges::batch(std::int64_t u) {
  std::int64_t rows = 0;
  for (std::size_t k = 0; k < lengths_.size(); ++k) rows += batches_.size(k);
  const auto first = static_cast<std::uint64_t>(u) * static_cast<std::uint64_t>(rows);
  std::vector<at::Tensor> from, to;
  std::vector<double> place, start, length, growth;
  for (std::size_t k = 0; k < lengths_.size(); ++k) {
    const std::vector<std::int64_t> sources = batches_.cells(k, u);
    const auto n = static_cast<std::int64_t>(sources.size());
    const std::uint64_t row = first + place.size();
    const at::Tensor x = rows_of(cells_.train[k], sources).contiguous();
    std::vector<std::int64_t> targets(sources.size());
    const Partners* pairs = &partners_[k];
    Partners drawn;
    std::vector<std::int64_t> candidates;
    if (pairs->draws == 0) {
      candidates = batches_.cells(k + 1, u);
      const at::Tensor& rate = cells_.train_growth[k];
      drawn = couple(x, rate.defined() ? rows_of(rate, sources) : rate,
                     rows_of(cells_.train[k + 1], candidates).contiguous(), k, 1, row);
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
      place.push_back((static_cast<double>(i) + uniform(seed_, Stream::Bridge, number, kPlace)) /
                      static_cast<double>(n));
      start.push_back(starts_[k]);
      length.push_back(lengths_[k]);
    }
    from.push_back(x);
    to.push_back(rows_of(cells_.train[k + 1], targets));
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
  out.signs = at::where(draw_normals(kSigns) > 0, at::ones({}, out.from.options()),
                        at::full({}, -1.0, out.from.options()));
  for (at::Tensor* t : {&out.from, &out.to, &out.place, &out.start, &out.length, &out.normals, &out.signs}) {
    *t = t->to(m_.device);
  }
  if (out.log_growth.defined()) out.log_growth = out.log_growth.to(m_.device);
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
