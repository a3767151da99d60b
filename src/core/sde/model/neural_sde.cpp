// Takes matrices, times and bytes; gives drift, diffusion, potential, growth, simulations and bytes of a
// model.
#include "sde/model/neural_sde.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/option_archive.hpp"
#include "base/threads.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "sde/model/rollout.hpp"

namespace fatefield {
namespace {

// Steps by default: so many to an interval of the mean length, within bounds for the whole span.
constexpr double kStepsPerInterval = 25.0;
constexpr double kLeastSteps = 40.0, kMostSteps = 100.0;

void check_precision(const SdeOptions& o) {
  if (o.precision == "float32" || o.precision == "float64") return;
  throw input_error("precision",
                    "`precision` is \"" + o.precision + "\"; \"float32\" or \"float64\" is needed.");
}

Matrix to_matrix(const at::Tensor& x, double factor) {
  const at::Tensor m =
      (x.dim() == 1 ? x.unsqueeze(1) : x).to(at::kCPU, at::kDouble).mul(factor).t().contiguous();
  Matrix out(m.size(1), m.size(0));
  std::copy(m.data_ptr<double>(), m.data_ptr<double>() + m.numel(), out.values.begin());
  return out;
}

// Motion in the dimensions that the networks see, none in the others.
Matrix in_all_dims(Matrix motion, const Scaling& s) {
  if (s.moving.empty()) return motion;
  Matrix out(motion.rows, static_cast<std::int64_t>(s.centre.size()));
  for (std::size_t k = 0; k < s.moving.size(); ++k) {
    std::copy_n(motion.values.begin() + static_cast<std::int64_t>(k) * motion.rows, motion.rows,
                out.values.begin() + s.moving[k] * motion.rows);
  }
  return out;
}

// f(rows of x) cut into blocks of rows; every block has the full number of rows, the last is padded.
template <typename F>
at::Tensor by_blocks(const at::Tensor& z, F&& f) {
  const std::int64_t n = z.size(0), rows = block_rows(z.device());
  const std::int64_t blocks = (n + rows - 1) / rows;
  std::vector<at::Tensor> parts(static_cast<std::size_t>(blocks));
  const at::Tensor padded = at::cat({z, z.slice(0, 0, 1).expand({blocks * rows - n, z.size(1)})}, 0);
  parallel_for(blocks, [&](std::int64_t b) {
    const c10::NoGradGuard inference;
    parts[static_cast<std::size_t>(b)] = f(padded.narrow(0, b * rows, rows));
  });
  return at::cat(parts, 0).narrow(0, 0, n);
}

}  // namespace

StepGrid NeuralSde::Impl::grid(const std::vector<double>& through) const {
  const double steps = kStepsPerInterval * static_cast<double>(std::max<std::size_t>(1, times.size()) - 1);
  const double usual = scaling.span / std::min(kMostSteps, std::max(kLeastSteps, steps));
  const double dt = options.dt > 0.0 ? options.dt : usual;
  return published() ? published_grid(through, dt) : step_grid(through, dt);
}

void NeuralSde::Impl::check_dims(const MatrixView& x) const {
  const std::size_t dims = scaling.centre.size();
  if (x.cols == static_cast<std::int64_t>(dims)) return;
  throw model_error("The model was fitted on " + std::to_string(dims) + " dimensions, but the cells have " +
                    std::to_string(x.cols) + ".");
}

void NeuralSde::Impl::see(const std::vector<std::int64_t>& moving) {
  nets = SdeNets(options, static_cast<std::int64_t>(moving.size()));
  parameters = nets.initial(first_seed, type());
  for (at::Tensor& p : parameters) p = p.to(device);
  scaling.moving = moving;
}

at::Tensor NeuralSde::Impl::scaled(const MatrixView& x) const {
  at::Tensor z = at::empty({x.rows, nets.dims()}, at::kDouble);
  double* out = z.data_ptr<double>();
  const std::vector<std::int64_t> seen = scaling.seen();
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (const std::int64_t j : seen)
      *out++ = (x(i, j) - scaling.centre[static_cast<std::size_t>(j)]) / scaling.scale;
  }
  return z.to(type());
}

void put_tensors(Archive& archive, const std::string& prefix, const std::vector<ParameterSpec>& specs,
                 const std::vector<at::Tensor>& tensors) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const at::Tensor w = tensors[i].detach().to(at::kCPU, at::kDouble).contiguous();
    const double* from = w.data_ptr<double>();
    archive.put(prefix + specs[i].name, std::vector<double>(from, from + w.numel()), specs[i].shape);
  }
}

std::vector<at::Tensor> get_tensors(const Archive& archive, const std::string& prefix,
                                    const std::vector<ParameterSpec>& specs, const at::TensorOptions& like) {
  std::vector<at::Tensor> out;
  for (const ParameterSpec& spec : specs) {
    const Archive::Numbers& found = archive.numbers(prefix + spec.name);
    if (found.shape != spec.shape) {
      throw model_error("The weights \"" + spec.name +
                        "\" of the model have another shape than its options ask for.");
    }
    at::Tensor w = at::empty(spec.shape, at::kDouble);
    std::copy(found.values.begin(), found.values.end(), w.data_ptr<double>());
    out.push_back(w.to(like));
  }
  return out;
}

NeuralSde::NeuralSde(const SdeOptions& options, std::int64_t dims, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(options, dims)) {
  check_precision(options);
  check_treats(*impl_->solver, impl_->nets.noise());
  if (!std::isfinite(options.dt) || options.dt < 0.0) {
    throw input_error(
        "dt", "`dt` is " + std::to_string(options.dt) + "; a positive step is needed, or 0 for the default.");
  }
  impl_->scaling.centre.assign(static_cast<std::size_t>(dims), 0.0);
  impl_->first_seed = seed;
  impl_->parameters = impl_->nets.initial(seed, impl_->type());
}

namespace {

// Empty where all dimensions vary.
std::vector<std::int64_t> moving_of(const Archive& archive, std::size_t dims) {
  if (!archive.has("scaling.moving")) return {};
  std::vector<std::int64_t> out;
  for (const double j : archive.numbers("scaling.moving").values) {
    if (!(j >= 0.0 && j < static_cast<double>(dims)))
      throw model_error("The dimensions kept with the model are not those of its cells.");
    out.push_back(static_cast<std::int64_t>(j));
  }
  return out;
}

}  // namespace

NeuralSde::NeuralSde(const std::string& bytes, const std::string& argument) {
  const Archive archive = Archive::parse(bytes, argument);
  const std::vector<double>& centre = archive.numbers("scaling.centre").values;
  const std::vector<std::int64_t> moving = moving_of(archive, centre.size());
  try {
    impl_ = std::make_unique<Impl>(get_options<SdeOptions>(archive, "option."),
                                   static_cast<std::int64_t>(moving.empty() ? centre.size() : moving.size()));
  } catch (const Error& e) {
    throw model_error(std::string("The options kept with the model cannot be used: ") + e.what());
  }
  impl_->parameters = get_tensors(archive, "weight.", impl_->nets.specs(), impl_->like());
  impl_->scaling.centre = centre;
  impl_->scaling.moving = moving;
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
  if (!s.moving.empty()) {
    const auto n = static_cast<std::int64_t>(s.moving.size());
    archive.put("scaling.moving", std::vector<double>(s.moving.begin(), s.moving.end()), {n});
  }
  archive.put("scaling.units", {s.scale, s.start, s.span}, {3});
  archive.put("times", impl_->times, {static_cast<std::int64_t>(impl_->times.size())});
  if (!impl_->training.names().empty()) archive.put("training", impl_->training.bytes());
  return archive.bytes();
}

void NeuralSde::move_to(const std::string& device) {
  check_device(device);
  impl_->device = at::Device(device);
  for (at::Tensor& p : impl_->parameters) p = p.to(impl_->device);
}

const SdeOptions& NeuralSde::options() const { return impl_->options; }
const Scaling& NeuralSde::scaling() const { return impl_->scaling; }
std::int64_t NeuralSde::dims() const { return static_cast<std::int64_t>(impl_->scaling.centre.size()); }
std::int64_t NeuralSde::parameter_count() const { return impl_->nets.parameter_count(); }
bool NeuralSde::has_potential() const { return impl_->nets.has_potential(); }
bool NeuralSde::has_growth() const { return impl_->nets.has_growth(); }
const std::vector<double>& NeuralSde::times() const { return impl_->times; }

std::vector<double> NeuralSde::step_times(const std::vector<double>& through) const {
  std::vector<double> out = impl_->grid(through).t;
  out.push_back(through.back());
  return out;
}

template <typename F>
Matrix NeuralSde::evaluate(const MatrixView& x, double t, double factor, F&& f) const {
  impl_->check_dims(x);
  if (x.rows == 0) return Matrix(0, 0);
  const TorchThreadScope one_thread;
  const double tau = (t - impl_->scaling.start) / impl_->scaling.span;
  return to_matrix(
      by_blocks(impl_->scaled(x).to(impl_->device), [&](const at::Tensor& z) { return f(tau, z); }), factor);
}

Matrix NeuralSde::drift(const MatrixView& x, double t) const {
  const Scaling& s = impl_->scaling;
  Matrix motion = evaluate(x, t, s.scale / s.span, [&](double tau, const at::Tensor& z) {
    return impl_->nets.drift(impl_->parameters, tau, z, nullptr);
  });
  return in_all_dims(std::move(motion), s);
}

Matrix NeuralSde::drift(const MatrixView& x, const std::vector<double>& t) const {
  if (!impl_->options.time_input) return drift(x, t.empty() ? 0.0 : t.front());
  const Scaling& s = impl_->scaling;
  // Scaled time rides along as one more column, so that it is cut into the same blocks.
  impl_->check_dims(x);
  if (x.rows == 0) return Matrix(0, 0);
  const TorchThreadScope one_thread;
  at::Tensor tau = at::empty({x.rows, 1}, at::kDouble);
  for (std::int64_t i = 0; i < x.rows; ++i) tau.data_ptr<double>()[i] = (t[i] - s.start) / s.span;
  const at::Tensor z = at::cat({impl_->scaled(x), tau.to(impl_->type())}, 1).to(impl_->device);
  const std::int64_t d = impl_->nets.dims();
  const at::Tensor drift = by_blocks(z, [&](const at::Tensor& b) {
    return impl_->nets.drift(impl_->parameters, b.select(1, d), b.narrow(1, 0, d), nullptr);
  });
  return in_all_dims(to_matrix(drift, s.scale / s.span), s);
}

Matrix NeuralSde::diffusion(const MatrixView& x, double t) const {
  const Scaling& s = impl_->scaling;
  Matrix noise = evaluate(x, t, s.scale / std::sqrt(s.span), [&](double tau, const at::Tensor& z) {
    return impl_->nets.spread(impl_->parameters, tau, z, nullptr);
  });
  return in_all_dims(std::move(noise), s);
}

Matrix NeuralSde::potential(const MatrixView& x, double t) const {
  const Scaling& s = impl_->scaling;
  return evaluate(x, t, s.scale * s.scale / s.span, [&](double tau, const at::Tensor& z) {
    return impl_->nets.potential(impl_->parameters, tau, z);
  });
}

Matrix NeuralSde::growth(const MatrixView& x, double t) const {
  impl_->check_dims(x);
  if (!has_growth()) return Matrix(x.rows, 1);
  return evaluate(x, t, 1.0 / impl_->scaling.span, [&](double tau, const at::Tensor& z) {
    return impl_->nets.growth(impl_->parameters, tau, z, nullptr);
  });
}

}  // namespace fatefield
