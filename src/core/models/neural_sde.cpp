// Takes matrices, times and bytes; gives drift, diffusion, potential, growth, simulations and bytes of a
// model.
#include "models/neural_sde.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/option_archive.hpp"
#include "base/threads.hpp"
#include "models/neural_sde_impl.hpp"
#include "models/rollout.hpp"

namespace fatefield {
namespace {

// Without a wish, this many steps span the observed times.
constexpr double kStepsPerSpan = 40.0;

void check_precision(const SdeOptions& o) {
  if (o.precision == "float32" || o.precision == "float64") return;
  throw input_error("precision",
                    "`precision` is \"" + o.precision + "\"; \"float32\" or \"float64\" is needed.");
}

Matrix to_matrix(const at::Tensor& x, double factor) {
  const at::Tensor m = (x.dim() == 1 ? x.unsqueeze(1) : x).to(at::kDouble).mul(factor).t().contiguous();
  Matrix out(m.size(1), m.size(0));
  std::copy(m.data_ptr<double>(), m.data_ptr<double>() + m.numel(), out.values.begin());
  return out;
}

// f(rows of x) cut into blocks of rows; every block has the full number of rows, the last is padded.
template <typename F>
at::Tensor by_blocks(const at::Tensor& z, F&& f) {
  const std::int64_t n = z.size(0);
  const std::int64_t blocks = (n + kBlockRows - 1) / kBlockRows;
  std::vector<at::Tensor> parts(static_cast<std::size_t>(blocks));
  const at::Tensor padded = at::cat({z, z.slice(0, 0, 1).expand({blocks * kBlockRows - n, z.size(1)})}, 0);
  parallel_for(blocks, [&](std::int64_t b) {
    const c10::NoGradGuard inference;
    parts[static_cast<std::size_t>(b)] = f(padded.narrow(0, b * kBlockRows, kBlockRows));
  });
  return at::cat(parts, 0).narrow(0, 0, n);
}

void check_dims(const NeuralSde::Impl& m, const MatrixView& x) {
  if (x.cols == m.nets.dims()) return;
  throw model_error("The model was fitted on " + std::to_string(m.nets.dims()) +
                    " dimensions, but the cells have " + std::to_string(x.cols) + ".");
}

// Trajectories [first, first + kBlockRows) of a simulation; those outside the request repeat its first cell.
struct Block {
  std::int64_t from;  ///< first wanted row of the block
  std::int64_t to;    ///< one past the last
  std::uint64_t first;
};

std::vector<Block> aligned_blocks(std::uint64_t first, std::int64_t n) {
  const std::uint64_t rows = kBlockRows;
  std::vector<Block> out;
  const std::uint64_t end = first + static_cast<std::uint64_t>(n);
  for (std::uint64_t at = first / rows * rows; at < end; at += rows) {
    const std::uint64_t from = std::max(at, first);
    const std::uint64_t to = std::min(at + rows, end);
    out.push_back({static_cast<std::int64_t>(from - at), static_cast<std::int64_t>(to - at), at});
  }
  return out;
}

void check_request(const SimulationRequest& r) {
  if (r.n_sim < 1) {
    throw input_error("n.sim", "`n.sim` is " + std::to_string(r.n_sim) + "; at least 1 is needed.");
  }
  if (r.times.size() < 2) {
    throw input_error("times", "`times` needs a start and at least one later time.");
  }
}

// Wanted rows of a block into the simulation, in the user's units.
void store_block(const Rollout& paths, std::int64_t from, std::int64_t to, std::int64_t offset,
                 const Scaling& s, Simulation& out) {
  for (std::int64_t k = 0; k < out.times; ++k) {
    const at::Tensor state = paths.states[static_cast<std::size_t>(k)].to(at::kDouble).contiguous();
    const double* z = state.data_ptr<double>();
    for (std::int64_t j = 0; j < out.dims; ++j) {
      const double centre = s.centre[static_cast<std::size_t>(j)];
      double* to_column = out.states.data() + out.trajectories * (j + out.dims * k);
      for (std::int64_t r = from; r < to; ++r) to_column[offset + r] = centre + s.scale * z[r * out.dims + j];
    }
    if (paths.log_growth.empty()) continue;
    const at::Tensor growth = paths.log_growth[static_cast<std::size_t>(k)].to(at::kDouble).contiguous();
    const double* w = growth.data_ptr<double>();
    for (std::int64_t r = from; r < to; ++r) out.log_weights[out.trajectories * k + offset + r] = w[r];
  }
}

}  // namespace

StepGrid NeuralSde::Impl::grid(const std::vector<double>& through) const {
  const double dt = options.dt > 0.0 ? options.dt : scaling.span / kStepsPerSpan;
  return published() ? published_grid(through, dt) : step_grid(through, dt);
}

at::Tensor NeuralSde::Impl::scaled(const MatrixView& x) const {
  at::Tensor z = at::empty({x.rows, x.cols}, at::kDouble);
  double* out = z.data_ptr<double>();
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < x.cols; ++j) {
      out[i * x.cols + j] = (x(i, j) - scaling.centre[static_cast<std::size_t>(j)]) / scaling.scale;
    }
  }
  return z.to(type());
}

void put_tensors(Archive& archive, const std::string& prefix, const std::vector<ParameterSpec>& specs,
                 const std::vector<at::Tensor>& tensors) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const at::Tensor w = tensors[i].detach().to(at::kDouble).contiguous();
    const double* from = w.data_ptr<double>();
    archive.put(prefix + specs[i].name, std::vector<double>(from, from + w.numel()), specs[i].shape);
  }
}

std::vector<at::Tensor> get_tensors(const Archive& archive, const std::string& prefix,
                                    const std::vector<ParameterSpec>& specs, at::ScalarType type) {
  std::vector<at::Tensor> out;
  for (const ParameterSpec& spec : specs) {
    const Archive::Numbers& found = archive.numbers(prefix + spec.name);
    if (found.shape != spec.shape) {
      throw model_error("The weights \"" + spec.name +
                        "\" of the model have another shape than its options ask for.");
    }
    at::Tensor w = at::empty(spec.shape, at::kDouble);
    std::copy(found.values.begin(), found.values.end(), w.data_ptr<double>());
    out.push_back(w.to(type));
  }
  return out;
}

NeuralSde::NeuralSde(const SdeOptions& options, std::int64_t dims, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(options, dims)) {
  check_precision(options);
  if (!std::isfinite(options.dt) || options.dt < 0.0) {
    throw input_error("dt", "`dt` is " + std::to_string(options.dt) +
                                "; a positive step is needed, or 0 for a fortieth of the time span.");
  }
  impl_->scaling.centre.assign(static_cast<std::size_t>(dims), 0.0);
  impl_->parameters = impl_->nets.initial(seed, impl_->type());
}

NeuralSde::NeuralSde(const std::string& bytes, const std::string& argument) {
  const Archive archive = Archive::parse(bytes, argument);
  const auto dims = static_cast<std::int64_t>(archive.numbers("scaling.centre").values.size());
  try {
    impl_ = std::make_unique<Impl>(get_options<SdeOptions>(archive, "option."), dims);
  } catch (const Error& e) {
    throw model_error(std::string("The options kept with the model cannot be used: ") + e.what());
  }
  impl_->parameters = get_tensors(archive, "weight.", impl_->nets.specs(), impl_->type());
  impl_->scaling.centre = archive.numbers("scaling.centre").values;
  const std::vector<double>& units = archive.numbers("scaling.units").values;
  if (units.size() != 3) throw model_error("The units kept with the model are not three numbers.");
  impl_->scaling.scale = units[0];
  impl_->scaling.start = units[1];
  impl_->scaling.span = units[2];
  impl_->times = archive.numbers("times").values;
  if (archive.has("training")) impl_->training = Archive::parse(archive.text("training"), argument);
}

NeuralSde::NeuralSde(NeuralSde&&) noexcept = default;
NeuralSde& NeuralSde::operator=(NeuralSde&&) noexcept = default;
NeuralSde::~NeuralSde() = default;

std::string NeuralSde::bytes() const {
  Archive archive;
  put_options(archive, "option.", impl_->options);
  put_tensors(archive, "weight.", impl_->nets.specs(), impl_->parameters);
  const Scaling& s = impl_->scaling;
  archive.put("scaling.centre", s.centre, {dims()});
  archive.put("scaling.units", {s.scale, s.start, s.span}, {3});
  archive.put("times", impl_->times, {static_cast<std::int64_t>(impl_->times.size())});
  if (!impl_->training.names().empty()) archive.put("training", impl_->training.bytes());
  return archive.bytes();
}

const SdeOptions& NeuralSde::options() const { return impl_->options; }
const Scaling& NeuralSde::scaling() const { return impl_->scaling; }
std::int64_t NeuralSde::dims() const { return impl_->nets.dims(); }
std::int64_t NeuralSde::parameter_count() const { return impl_->nets.parameter_count(); }
bool NeuralSde::has_potential() const { return impl_->nets.has_potential(); }
bool NeuralSde::has_growth() const { return impl_->nets.has_growth(); }
const std::vector<double>& NeuralSde::times() const { return impl_->times; }

template <typename F>
Matrix NeuralSde::evaluate(const MatrixView& x, double t, double factor, F&& f) const {
  check_dims(*impl_, x);
  if (x.rows == 0) return Matrix(0, 0);
  const TorchThreadScope one_thread;
  const double tau = (t - impl_->scaling.start) / impl_->scaling.span;
  return to_matrix(by_blocks(impl_->scaled(x), [&](const at::Tensor& z) { return f(tau, z); }), factor);
}

Matrix NeuralSde::drift(const MatrixView& x, double t) const {
  const Scaling& s = impl_->scaling;
  return evaluate(x, t, s.scale / s.span, [&](double tau, const at::Tensor& z) {
    return impl_->nets.drift(impl_->parameters, tau, z, nullptr);
  });
}

Matrix NeuralSde::diffusion(const MatrixView& x, double t) const {
  const Scaling& s = impl_->scaling;
  return evaluate(x, t, s.scale / std::sqrt(s.span), [&](double tau, const at::Tensor& z) {
    return impl_->nets.spread(impl_->parameters, tau, z, nullptr);
  });
}

Matrix NeuralSde::potential(const MatrixView& x, double t) const {
  const Scaling& s = impl_->scaling;
  return evaluate(x, t, s.scale * s.scale / s.span, [&](double tau, const at::Tensor& z) {
    return impl_->nets.potential(impl_->parameters, tau, z);
  });
}

Matrix NeuralSde::growth(const MatrixView& x, double t) const {
  check_dims(*impl_, x);
  if (!has_growth()) return Matrix(x.rows, 1);
  return evaluate(x, t, 1.0 / impl_->scaling.span, [&](double tau, const at::Tensor& z) {
    return impl_->nets.growth(impl_->parameters, tau, z, nullptr);
  });
}

Simulation NeuralSde::simulate(const MatrixView& x0, const SimulationRequest& request,
                               const KeepGoing& keep_going) const {
  check_dims(*impl_, x0);
  check_request(request);
  const Scaling& s = impl_->scaling;
  const StepGrid grid = scaled_grid(impl_->grid(request.times), s.start, s.span);
  Simulation out;
  out.trajectories = x0.rows * request.n_sim;
  out.dims = dims();
  out.times = static_cast<std::int64_t>(request.times.size());
  out.states.resize(static_cast<std::size_t>(out.trajectories * out.dims * out.times));
  out.log_weights.resize(static_cast<std::size_t>(out.trajectories * out.times));
  if (out.trajectories == 0) return out;

  const TorchThreadScope one_thread;
  const at::Tensor z0 = impl_->scaled(x0);
  const std::vector<Block> blocks = aligned_blocks(request.first_trajectory, out.trajectories);
  const auto run = [&](const Block& block) {
    const c10::NoGradGuard inference;
    const auto offset =
        static_cast<std::int64_t>(block.first) - static_cast<std::int64_t>(request.first_trajectory);
    at::Tensor rows = at::zeros({kBlockRows}, at::kLong);
    for (std::int64_t r = block.from; r < block.to; ++r) {
      rows.data_ptr<std::int64_t>()[r] = (offset + r) / request.n_sim;
    }
    const Rollout paths = roll_out(
        impl_->nets, impl_->parameters, *impl_->solver, grid, z0.index_select(0, rows),
        [&](std::int64_t step) {
          return philox_increment(request.seed, block.first, step, grid.h[static_cast<std::size_t>(step)],
                                  kBlockRows, impl_->nets.brownian_dims(), impl_->solver->needs_levy(), z0);
        },
        nullptr);
    store_block(paths, block.from, block.to, offset, s, out);
  };
  const std::int64_t group = std::max(1, threads());
  const auto n_blocks = static_cast<std::int64_t>(blocks.size());
  for (std::int64_t at = 0; at < n_blocks; at += group) {
    if (keep_going && !keep_going()) throw Interrupted();
    parallel_for(std::min(group, n_blocks - at),
                 [&](std::int64_t b) { run(blocks[static_cast<std::size_t>(at + b)]); });
  }
  return out;
}

}  // namespace fatefield
