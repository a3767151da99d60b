// Takes parameters and inputs; gives outputs of a multilayer perceptron and its gradient in the inputs.
#include "nets/mlp.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/aligned.hpp"
#include "base/rng.hpp"
#include "nets/dense.hpp"

namespace fatefield {
namespace {

at::Tensor activate(Activation a, const at::Tensor& z) {
  switch (a) {
    case Activation::Softplus:
      return at::softplus(z, 1.0, kSoftplusLinear);
    case Activation::Silu:
      return at::silu(z);
    case Activation::Tanh:
      return at::tanh(z);
    case Activation::Relu:
      return at::relu(z);
    case Activation::Identity:
      return z;
    case Activation::LeakyRelu:
      break;
  }
  return at::leaky_relu(z, kLeak);
}

at::Tensor slope(Activation a, const at::Tensor& z) {
  switch (a) {
    case Activation::Softplus:
      return at::sigmoid(z);
    case Activation::Silu: {
      const at::Tensor s = at::sigmoid(z);
      return s * (1.0 + z * (1.0 - s));
    }
    case Activation::Tanh:
      return 1.0 - at::tanh(z).square();
    case Activation::Relu:
      return (z > 0).to(z.scalar_type());
    case Activation::Identity:
      return at::ones_like(z);
    case Activation::LeakyRelu:
      break;
  }
  return at::where(z > 0, at::ones({}, z.options()), at::full({}, kLeak, z.options()));
}

// What a unit is multiplied by: 0, or 1 / (1 - rate) so that its mean stays.
at::Tensor mask_like(const at::Tensor& z, Dropout& dropout) {
  const double keep = 1.0 - dropout.rate;
  const bool wide = z.scalar_type() == at::kDouble;
  at::Tensor mask = at::empty(z.sizes(), wide ? at::kDouble : at::kFloat);
  const auto fill = [&](auto* out) {
    bernoulli_masks(dropout.seed, Stream::Dropout, 0, dropout.first, z.size(0), dropout.masks, z.size(1),
                    keep, static_cast<float>(1.0 / keep), out);
  };
  if (wide) {
    fill(mask.data_ptr<double>());
  } else {
    fill(mask.data_ptr<float>());
  }
  ++dropout.masks;
  return mask.to(z.device(), z.scalar_type());
}

bool active(const Dropout* dropout) { return dropout != nullptr && dropout->rate > 0.0; }

at::Tensor torch_forward(const MlpShape& shape, const at::Tensor* p, const at::Tensor& x, Dropout* dropout) {
  at::Tensor a = x;
  for (std::size_t l = 0; l < shape.hidden.size(); ++l, p += 2) {
    at::Tensor z = at::addmm(p[1], a, p[0].t());
    if (active(dropout)) z = z * mask_like(z, *dropout);
    a = activate(shape.activation_of(static_cast<std::int64_t>(l)), z);
  }
  return shape.output_bias ? at::addmm(p[1], a, p[0].t()) : at::mm(a, p[0].t());
}

at::Tensor torch_input_gradient(const MlpShape& shape, const at::Tensor* p, const at::Tensor& x,
                                Dropout* dropout) {
  const std::size_t depth = shape.hidden.size();
  const at::Tensor& output = p[2 * depth];
  if (depth == 0) return output.expand({x.size(0), shape.inputs});
  std::vector<at::Tensor> slopes;
  slopes.reserve(depth);
  at::Tensor a = x;
  for (std::size_t l = 0; l < depth; ++l) {
    const Activation kind = shape.activation_of(static_cast<std::int64_t>(l));
    at::Tensor z = at::addmm(p[2 * l + 1], a, p[2 * l].t());
    if (active(dropout)) {
      const at::Tensor mask = mask_like(z, *dropout);
      z = z * mask;
      slopes.push_back(slope(kind, z) * mask);
    } else {
      slopes.push_back(slope(kind, z));
    }
    // The value of the last layer is not needed, only its slope.
    if (l + 1 < depth) a = activate(kind, z);
  }
  at::Tensor back = output * slopes.back();
  for (std::size_t l = depth - 1; l > 0; --l) back = at::mm(back, p[2 * l]) * slopes[l - 1];
  return at::mm(back, p[0]);
}

// What is asked of a network.
enum class Part { Values, Positive, Slope };

at::Tensor positive_of(const at::Tensor& z) { return at::softplus(z, 1.0, kSoftplusLinear); }

at::Tensor by_libtorch(const MlpShape& shape, Part part, const at::Tensor* p, const at::Tensor& x,
                       Dropout* dropout) {
  if (part == Part::Slope) return torch_input_gradient(shape, p, x, dropout);
  const at::Tensor z = torch_forward(shape, p, x, dropout);
  return part == Part::Positive ? positive_of(z) : z;
}

// One evaluation by the fused kernels, with what its adjoint needs.
class Evaluation {
 public:
  virtual ~Evaluation() = default;
  // Once, right after the evaluation.
  virtual at::Tensor values() = 0;
  // Gradients in x and in the parameters, from that in the values.
  virtual at::Tensor adjoint(const at::Tensor& g, const std::vector<at::Tensor>& parameters) = 0;
};

template <typename T>
class KernelEvaluation final : public Evaluation {
 public:
  KernelEvaluation(const Dense<T>& net, Part part, const at::Tensor& x, const Dropout& dropout)
      : net_(net),
        part_(part),
        rows_(x.size(0)),
        stride_(slope() ? net.input_stride() : net.output_stride()),
        x_(static_cast<std::size_t>(rows_ * net.input_stride()), T(0)),
        tape_(make_workspace<T>(rows_ * (slope() ? net.gradient_tape() : net.forward_tape()))),
        masks_(make_workspace<T>(dropout.rate > 0.0 ? rows_ * net.mask_entries() : 0)) {
    pad(x, net.input_stride(), x_.data());
    mask_ = net.fill_masks(dropout.rate, dropout.seed, dropout.first, rows_, dropout.masks, masks_.get());
    const Workspace<T> out = make_workspace<T>(rows_ * stride_), scratch = make_scratch();
    if (slope()) {
      net_.input_gradient(block(scratch), out.get());
    } else {
      net_.forward(block(scratch), out.get());
    }
    raw_ = plain(out.get(), stride_, slope() ? net.shape().inputs : net.shape().outputs);
  }

  // Values that the adjoint does not need are given away: a node of the graph must not keep what it made.
  at::Tensor values() override { return part_ == Part::Positive ? positive_of(raw_) : std::move(raw_); }

  at::Tensor adjoint(const at::Tensor& gradient, const std::vector<at::Tensor>& parameters) override {
    const at::Tensor g = part_ == Part::Positive ? gradient * at::sigmoid(raw_) : gradient;
    const std::int64_t ldx = net_.input_stride();
    Aligned<T> in_out(static_cast<std::size_t>(rows_ * stride_), T(0)),
        in_x(static_cast<std::size_t>(rows_ * ldx), T(0));
    pad(g, stride_, in_out.data());
    DenseGradient<T> into = net_.zeros();
    const Workspace<T> scratch = make_scratch();
    if (slope()) {
      net_.input_gradient_adjoint(block(scratch), in_out.data(), into, in_x.data());
    } else {
      net_.forward_adjoint(block(scratch), in_out.data(), into, in_x.data());
    }
    std::vector<T*> out;
    for (const at::Tensor& p : parameters) out.push_back(p.data_ptr<T>());
    net_.add_gradient(into, out.data());
    return plain(in_x.data(), ldx, net_.shape().inputs);
  }

 private:
  bool slope() const { return part_ == Part::Slope; }

  Workspace<T> make_scratch() const { return make_workspace<T>(rows_ * net_.scratch()); }

  DenseRows<T> block(const Workspace<T>& scratch) const {
    return {rows_, x_.data(), net_.input_stride(), mask_, tape_.get(), scratch.get()};
  }

  void pad(const at::Tensor& from, std::int64_t stride, T* to) const {
    const at::Tensor dense = from.contiguous();
    const T* row = dense.data_ptr<T>();
    const std::int64_t columns = dense.size(1);
    for (std::int64_t r = 0; r < rows_; ++r, row += columns) std::copy(row, row + columns, to + r * stride);
  }

  at::Tensor plain(const T* from, std::int64_t stride, std::int64_t columns) const {
    at::Tensor out = at::empty({rows_, columns}, at::CppTypeToScalarType<T>::value);
    T* to = out.data_ptr<T>();
    for (std::int64_t r = 0; r < rows_; ++r, to += columns)
      std::copy(from + r * stride, from + r * stride + columns, to);
    return out;
  }

  const Dense<T>& net_;
  Part part_;
  std::int64_t rows_, stride_;
  Aligned<T> x_;
  Workspace<T> tape_, masks_;
  const T* mask_ = nullptr;
  at::Tensor raw_;
};

}  // namespace

class PackedMlp {
 public:
  virtual ~PackedMlp() = default;
  virtual std::unique_ptr<Evaluation> evaluate(Part part, const at::Tensor& x,
                                               const Dropout& dropout) const = 0;
};

namespace {

template <typename T>
class PackedKernels final : public PackedMlp {
 public:
  PackedKernels(const MlpShape& shape, const T* const* p) : net_(shape, p) {}
  std::unique_ptr<Evaluation> evaluate(Part part, const at::Tensor& x,
                                       const Dropout& dropout) const override {
    return std::make_unique<KernelEvaluation<T>>(net_, part, x, dropout);
  }

 private:
  Dense<T> net_;
};

template <typename T>
std::shared_ptr<const PackedMlp> packed(const MlpShape& shape, const at::Tensor* p) {
  std::vector<at::Tensor> plain;
  std::vector<const T*> weights;
  for (std::size_t i = 0; i < parameter_tensors(shape); ++i) {
    plain.push_back(p[i].contiguous());
    weights.push_back(plain.back().template data_ptr<T>());
  }
  return std::make_shared<PackedKernels<T>>(shape, weights.data());
}

// The fused kernels in the graph of autograd. Inputs: x, then the parameters.
struct FusedNode final : torch::autograd::Node {
  FusedNode(const MlpShape& s, Part asked, const Dropout& masks, std::shared_ptr<const PackedMlp> weights,
            std::unique_ptr<Evaluation> found, const std::vector<at::Tensor>& in)
      : shape(s), part(asked), dropout(masks), packed(std::move(weights)), evaluation(std::move(found)) {
    for (const at::Tensor& t : in) inputs.emplace_back(t, /*is_output=*/false);
  }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    if (!gradients[0].defined()) return torch::autograd::variable_list(inputs.size());
    std::vector<at::Tensor> in;
    for (const torch::autograd::SavedVariable& t : inputs) in.push_back(t.unpack());
    if (c10::GradMode::is_enabled()) return differentiable(in, gradients[0]);
    std::vector<at::Tensor> out(1);
    std::vector<at::Tensor> parameters;
    for (std::size_t i = 1; i < in.size(); ++i)
      parameters.push_back(at::zeros_like(in[i], in[i].options(), at::MemoryFormat::Contiguous));
    out[0] = evaluation->adjoint(gradients[0], parameters);
    out.insert(out.end(), parameters.begin(), parameters.end());
    return out;
  }

  void release_variables() override {
    inputs.clear();
    evaluation.reset();
  }

  // The same by LibTorch, whose gradients can be differentiated again. It starts from views of the inputs:
  // the way back must end there and not go on into what x came from, which may hold the parameters too.
  torch::autograd::variable_list differentiable(const std::vector<at::Tensor>& in, const at::Tensor& g) {
    std::vector<at::Tensor> views, wanted;
    for (std::size_t i = 0; i < in.size(); ++i) {
      views.push_back(in[i].requires_grad() ? in[i].view_as(in[i]) : in[i]);
      if (in[i].requires_grad() && task_should_compute_output(i)) wanted.push_back(views.back());
    }
    Dropout same = dropout;
    const at::Tensor out = by_libtorch(shape, part, views.data() + 1, views[0], &same);
    const torch::autograd::variable_list got =
        torch::autograd::grad({out}, wanted, {g}, /*retain_graph=*/true, /*create_graph=*/true,
                              /*allow_unused=*/true);
    torch::autograd::variable_list found(in.size());
    for (std::size_t i = 0, k = 0; i < in.size(); ++i) {
      if (in[i].requires_grad() && task_should_compute_output(i)) found[i] = got[k++];
    }
    return found;
  }

  MlpShape shape;
  Part part;
  Dropout dropout;
  std::shared_ptr<const PackedMlp> packed;  // outlives the evaluation
  std::unique_ptr<Evaluation> evaluation;
  std::vector<torch::autograd::SavedVariable> inputs;
};

at::Tensor by_kernels(const MlpShape& shape, Part part, const MlpWeights& w, const at::Tensor& x,
                      Dropout* dropout) {
  const Dropout masks = active(dropout) ? *dropout : Dropout();
  if (active(dropout)) dropout->masks += static_cast<std::uint32_t>(shape.hidden.size());
  std::unique_ptr<Evaluation> found;
  at::Tensor out;
  {
    const c10::NoGradGuard by_hand;
    found = w.packed->evaluate(part, x, masks);
    out = found->values();
  }
  std::vector<at::Tensor> in = {x};
  in.insert(in.end(), w.p, w.p + parameter_tensors(shape));
  const bool graph = c10::GradMode::is_enabled() &&
                     std::any_of(in.begin(), in.end(), [](const at::Tensor& t) { return t.requires_grad(); });
  if (!graph) return out;
  const std::shared_ptr<FusedNode> node(new FusedNode(shape, part, masks, w.packed, std::move(found), in),
                                        torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(in));
  torch::autograd::set_history(out, node);
  return out;
}

at::Tensor evaluate(const MlpShape& shape, Part part, const MlpWeights& w, const at::Tensor& x,
                    Dropout* dropout) {
  if (w.packed != nullptr) return by_kernels(shape, part, w, x, dropout);
  return by_libtorch(shape, part, w.p, x, dropout);
}

}  // namespace

std::shared_ptr<const PackedMlp> Mlp::pack(const at::Tensor* p) const {
  const c10::NoGradGuard numbers_only;
  if (!p[0].device().is_cpu()) return nullptr;
  if (p[0].scalar_type() == at::kFloat) return packed<float>(shape_, p);
  return p[0].scalar_type() == at::kDouble ? packed<double>(shape_, p) : nullptr;
}

at::Tensor Mlp::forward(const MlpWeights& w, const at::Tensor& x, Dropout* dropout) const {
  return evaluate(shape_, Part::Values, w, x, dropout);
}

at::Tensor Mlp::positive(const MlpWeights& w, const at::Tensor& x, Dropout* dropout) const {
  return evaluate(shape_, Part::Positive, w, x, dropout);
}

at::Tensor Mlp::input_gradient(const MlpWeights& w, const at::Tensor& x, Dropout* dropout) const {
  return evaluate(shape_, Part::Slope, w, x, dropout);
}

}  // namespace fatefield
