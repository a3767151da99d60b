// The class VelocityVAE for R: a velocity field with a network in the middle. Matrices are cells x genes.
#include "core/field/model/kinds.hpp"
#include "glue.hpp"
#include "glue_field.hpp"

using namespace fatefield;

namespace {

/// What R sees as VelocityVAE.
class VelocityVaeHandle {
 public:
  VelocityVaeHandle(Rcpp::List options, double seed) : seed_(static_cast<std::uint64_t>(seed)) {
    glue::guarded([&] {
      options_ = glue::from_list<FieldOptions>(options);
      check_options(options_);
      check_network(field_kind(options_.field));
    });
  }
  explicit VelocityVaeHandle(Rcpp::RawVector bytes) {
    glue::guarded([&] {
      field_ = restore_field(glue::from_raw(bytes), "bytes");
      glue::network_of(*field_);
      options_.field = field_->kind();
    });
  }

  Rcpp::List fit(Rcpp::NumericMatrix x, Rcpp::NumericMatrix velocity, Rcpp::List extra) {
    return work([&] {
      const auto member = [&](const char* name) -> SEXP {
        return extra.containsElementNamed(name) ? static_cast<SEXP>(extra[name]) : R_NilValue;
      };
      const SEXP part = member("part"), batch = member("batch"), tick = member("tick");
      FieldData data = glue::field_data(
          x, velocity, part == R_NilValue ? Rcpp::IntegerVector() : Rcpp::IntegerVector(part),
          batch == R_NilValue ? Rcpp::NumericVector() : Rcpp::NumericVector(batch));
      if (part == R_NilValue) data.part = field_parts(x.nrow(), {}, 0.1, 0.0, seed_);
      const FieldTick silent = [](const FieldProgress&) { return true; };
      FieldFit fit = fit_field(data, options_, SparseVfcOptions(), seed_,
                               tick == R_NilValue ? silent : glue::field_tick(Rcpp::Function(tick)),
                               glue::until_interrupt());
      field_ = std::move(fit.field);
      return glue::to_list(fit.report);
    });
  }

  Rcpp::NumericMatrix velocity(Rcpp::NumericMatrix x) {
    return work([&] { return glue::to_r(field_velocity(field(), glue::view(x))); });
  }
  Rcpp::NumericMatrix jvp(Rcpp::NumericMatrix x, Rcpp::NumericMatrix delta) {
    return work([&] { return glue::to_r(field_jvp(field(), glue::view(x), glue::view(delta))); });
  }
  Rcpp::NumericMatrix jacobian(Rcpp::NumericMatrix x, double cell) {
    return work([&] {
      if (!(cell >= 1 && cell <= x.nrow()))
        throw input_error("cell", "`cell` must be the number of a row of `x`.");
      return glue::to_r(field_jacobian(field(), glue::view(x), static_cast<std::int64_t>(cell) - 1));
    });
  }
  Rcpp::NumericVector divergence(Rcpp::NumericMatrix x) {
    return work([&] { return Rcpp::NumericVector(Rcpp::wrap(field_divergence(field(), glue::view(x)))); });
  }
  Rcpp::NumericVector support(Rcpp::NumericMatrix x) {
    return work([&] { return Rcpp::NumericVector(Rcpp::wrap(field_support(field(), glue::view(x)))); });
  }
  Rcpp::NumericMatrix embed(Rcpp::NumericMatrix x) {
    return work([&] { return glue::to_r(glue::embed(glue::network_of(field()), glue::view(x))); });
  }

  Rcpp::RawVector serialize() {
    return glue::guarded([&] { return glue::to_raw(field().bytes()); });
  }
  std::string kind() { return options_.field; }
  int genes() { return field_ ? static_cast<int>(field_->genes()) : 0; }
  bool trained() { return static_cast<bool>(field_); }

  void show() {
    Rcpp::Rcout << "<VelocityVAE> " << options_.field << ", ";
    if (field_) {
      const NetworkField& net = glue::network_of(*field_);
      Rcpp::Rcout << net.genes() << " genes, " << net.embedding_units() << " units in the middle, "
                  << net.shape().parameters() << " parameters\n";
    } else {
      Rcpp::Rcout << "not trained\n";
    }
  }

 private:
  const VelocityField& field() const {
    if (!field_) throw Error(ErrorKind::Model, "", "The VelocityVAE is not trained; call $fit() first.");
    return *field_;
  }
  template <typename F>
  auto work(F&& f) -> decltype(f()) {
    const ThreadScope threads(glue::thread_count());
    return glue::guarded(f);
  }

  FieldOptions options_;
  std::uint64_t seed_ = 0;
  std::unique_ptr<VelocityField> field_;
};

bool two_arguments(SEXP* args, int n) { return n == 2 && TYPEOF(args[0]) == VECSXP; }
bool bytes_alone(SEXP* args, int n) { return n == 1 && TYPEOF(args[0]) == RAWSXP; }

}  // namespace

RCPP_MODULE(velocity_vae) {
  Rcpp::class_<VelocityVaeHandle>("VelocityVAE")
      .constructor<Rcpp::List, double>("options, seed", &two_arguments)
      .constructor<Rcpp::RawVector>("bytes of serialize()", &bytes_alone)
      .method("fit", &VelocityVaeHandle::fit, "fit(x, velocity, list(part, batch, tick))")
      .method("velocity", &VelocityVaeHandle::velocity, "velocity(x): cells x genes, per unit of time")
      .method("jvp", &VelocityVaeHandle::jvp, "jvp(x, delta): J(x) delta, cells x genes")
      .method("jacobian", &VelocityVaeHandle::jacobian, "jacobian(x, cell): genes x genes at a row of x")
      .method("divergence", &VelocityVaeHandle::divergence, "divergence(x): one number per cell")
      .method("support", &VelocityVaeHandle::support, "support(x): distance from the training cells")
      .method("embed", &VelocityVaeHandle::embed, "embed(x): cells x units in the middle")
      .method("serialize", &VelocityVaeHandle::serialize, "serialize(): raw bytes")
      .method("kind", &VelocityVaeHandle::kind, "kind(): \"vae\", \"ae\" or \"mlp\"")
      .method("genes", &VelocityVaeHandle::genes, "genes(): their number, 0 before training")
      .method("trained", &VelocityVaeHandle::trained, "trained()")
      .method("show", &VelocityVaeHandle::show, "show()");
}
