// Takes weights; gives a field that is linear in the state or in its components.
#include "field/model/linear.hpp"

#include "base/error.hpp"

namespace fatefield {
namespace {

class LinearField final : public BuiltInField {
 public:
  LinearField(const std::string& kind, FieldFoundation base, LinearInput input, const Matrix& weights,
              const std::vector<double>& intercept)
      : BuiltInField(kind, std::move(base)), input_(input), weights_(weights), intercept_(intercept) {
    if (input != LinearInput::Nothing) map_ = pack(weights, intercept.data());
  }

 protected:
  void reserve(FieldMemory& memory) const override {
    memory.part.emplace_back(static_cast<std::size_t>(kFieldRows * map_.stride()));
  }

  void evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& memory) const override {
    const std::int64_t g = genes();
    if (input_ == LinearInput::Nothing) {
      for (std::int64_t i = 0; i < n; ++i) std::copy(intercept_.begin(), intercept_.end(), v + i * g);
      return;
    }
    double* out = memory.at(kOwn);
    if (input_ == LinearInput::State) {
      map_.forward(n, x, g, out);
    } else {
      space().scores(n, x, memory.at(kScores), nullptr, memory.at(kSpaceWorkspace));
      map_.forward(n, memory.at(kScores), space().stride(), out);
    }
    take(n, out, v);
  }

  void jvp_block(std::int64_t n, const double* x, const double* delta, double* out,
                 FieldMemory& memory) const override {
    if (input_ == LinearInput::Nothing) {
      std::fill(out, out + n * genes(), 0.0);
      return;
    }
    double* made = memory.at(kOwn);
    if (input_ == LinearInput::State) {
      map_.tangent(n, delta, genes(), made);
    } else {
      space().jvp(n, x, delta, memory.at(kScores), memory.at(kSpaceWorkspace));
      map_.tangent(n, memory.at(kScores), space().stride(), made);
    }
    take(n, made, out);
  }

  JacobianFactors factors_at(const double* x, FieldMemory&) const override {
    if (input_ == LinearInput::Nothing) return {Matrix(genes(), 0), Matrix(0, genes())};
    if (input_ == LinearInput::Components) return {weights_, space().slopes(x)};
    Matrix identity(genes(), genes());
    for (std::int64_t g = 0; g < genes(); ++g) identity(g, g) = 1.0;
    return {weights_, identity};
  }

  void put(Archive& archive) const override {
    archive.put("linear.input", {static_cast<double>(input_)}, {1});
    put_matrix(archive, "linear.weights", weights_);
    archive.put("linear.intercept", intercept_, {genes()});
  }

 private:
  void take(std::int64_t n, const double* padded, double* out) const {
    for (std::int64_t i = 0; i < n; ++i) std::copy_n(padded + i * map_.stride(), genes(), out + i * genes());
  }

  LinearInput input_;
  Matrix weights_;
  std::vector<double> intercept_;
  PackedLayer<double> map_;
};

}  // namespace

std::unique_ptr<VelocityField> make_linear_field(const std::string& kind, FieldFoundation base,
                                                 LinearInput input, const Matrix& weights,
                                                 const std::vector<double>& intercept) {
  return std::make_unique<LinearField>(kind, std::move(base), input, weights, intercept);
}

std::unique_ptr<VelocityField> linear_field_from(const std::string& kind, const Archive& archive) {
  FieldFoundation base = foundation_from(archive);
  const std::int64_t genes = base.support.space().genes(), dims = base.support.space().dims();
  const std::vector<double>& intercept = archive.numbers("linear.intercept").values;
  const std::vector<double>& code = archive.numbers("linear.input").values;
  const bool known = code.size() == 1 && (code[0] == 0.0 || code[0] == 1.0 || code[0] == 2.0);
  if (!known || static_cast<std::int64_t>(intercept.size()) != genes) {
    throw model_error("The linear velocity field does not fit its own genes.");
  }
  const auto input = static_cast<LinearInput>(static_cast<int>(code[0]));
  Matrix weights(genes, 0);
  if (input != LinearInput::Nothing) {
    weights = matrix_from(archive, "linear.weights", genes, input == LinearInput::State ? genes : dims);
  }
  return make_linear_field(kind, std::move(base), input, weights, intercept);
}

}  // namespace fatefield
