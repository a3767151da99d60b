// Velocity fields for R: options, fitting, and everything a field tells of states. States are cells x genes.
// Fields come as the bytes that models keep.
#include "core/field/model/kinds.hpp"
#include "core/field/model/network.hpp"
#include "core/field/train/fit.hpp"
#include "core/paths/scales.hpp"
#include "glue.hpp"
#include "glue_field.hpp"
#include "glue_graph.hpp"
#include "glue_motion.hpp"

using namespace fatefield;

namespace {

std::unique_ptr<VelocityField> field_of(const Rcpp::RawVector& bytes) {
  return restore_field(glue::from_raw(bytes), "model");
}

// f(field) on so many threads.
template <typename F>
auto with_field(const Rcpp::RawVector& bytes, int threads, F&& f) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return f(*field_of(bytes));
  });
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List field_defaults(std::string field, std::string compat) {
  FieldOptions plain;
  plain.field = field;
  return glue::to_list(compat == "deepvelo" ? published_field_options(field) : plain);
}

// The kinds of fields: name, whether it is a network, and a few words of Markdown.
// [[Rcpp::export(rng = false)]]
Rcpp::DataFrame field_kind_table() {
  Rcpp::CharacterVector name, about;
  Rcpp::LogicalVector network;
  for (const FieldKind& k : field_kinds()) {
    name.push_back(k.name);
    network.push_back(k.network());
    about.push_back(k.about);
  }
  return Rcpp::DataFrame::create(Rcpp::_["name"] = name, Rcpp::_["network"] = network,
                                 Rcpp::_["about"] = about);
}

// [[Rcpp::export(rng = false)]]
Rcpp::List vfc_defaults() { return glue::to_list(SparseVfcOptions()); }

// [[Rcpp::export(rng = false)]]
void check_field_options(const Rcpp::List& options) {
  glue::guarded([&] { check_options(glue::from_list<FieldOptions>(options)); });
}

// Parts of n cells: 0 training, 1 validation, 2 test. `group`: codes, or none.
// [[Rcpp::export(rng = false)]]
Rcpp::IntegerVector split_cells(double n, const Rcpp::NumericVector& group, double validation, double test,
                                double seed) {
  return glue::guarded([&] {
    const std::vector<std::int64_t> codes(group.begin(), group.end());
    const std::vector<Part> parts =
        field_parts(static_cast<std::int64_t>(n), codes, validation, test, static_cast<std::uint64_t>(seed));
    Rcpp::IntegerVector out(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) out[i] = static_cast<int>(parts[i]);
    return out;
  });
}

// list(state, history, epochs, best.epoch, ended, kl, spread, chosen). `part` as split_cells() gives;
// `batch`: codes from 0, or none; `vfc`: options of the sparse field.
// [[Rcpp::export(rng = false)]]
Rcpp::List fit_velocity_field(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& velocity,
                              const Rcpp::IntegerVector& part, const Rcpp::NumericVector& batch,
                              const Rcpp::List& options, const Rcpp::List& vfc, double seed,
                              const Rcpp::Function& tick, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const FieldFit fit =
        fit_field(glue::field_data(x, velocity, part, batch), glue::from_list<FieldOptions>(options),
                  glue::from_list<SparseVfcOptions>(vfc), static_cast<std::uint64_t>(seed),
                  glue::field_tick(tick), glue::until_interrupt());
    Rcpp::List out = glue::to_list(fit.report);
    out["state"] = glue::to_raw(fit.field->bytes());
    return out;
  });
}

// What IntegrateCells() moves along.
// [[Rcpp::export(rng = false)]]
SEXP field_motion(const Rcpp::RawVector& bytes) {
  return glue::guarded([&]() -> SEXP {
    auto motion = std::make_unique<Motion>();
    motion->field = field_of(bytes);
    motion->dynamics = std::make_unique<FieldDynamics>(*motion->field);
    return Rcpp::XPtr<Motion>(motion.release());
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix field_velocity(const Rcpp::RawVector& bytes, const Rcpp::NumericMatrix& x, int threads) {
  return with_field(bytes, threads,
                    [&](const VelocityField& f) { return glue::to_r(field_velocity(f, glue::view(x))); });
}

// How fast f changes along delta (cells x genes).
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix field_jvp(const Rcpp::RawVector& bytes, const Rcpp::NumericMatrix& x,
                              const Rcpp::NumericMatrix& delta, int threads) {
  return with_field(bytes, threads, [&](const VelocityField& f) {
    return glue::to_r(field_jvp(f, glue::view(x), glue::view(delta)));
  });
}

// df_i/dx_j at row `cell` of x, from 1: genes x genes.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix field_jacobian(const Rcpp::RawVector& bytes, const Rcpp::NumericMatrix& x, double cell,
                                   int threads) {
  return with_field(bytes, threads, [&](const VelocityField& f) {
    return glue::to_r(field_jacobian(f, glue::view(x), static_cast<std::int64_t>(cell) - 1));
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector field_divergence(const Rcpp::RawVector& bytes, const Rcpp::NumericMatrix& x,
                                     int threads) {
  return with_field(bytes, threads, [&](const VelocityField& f) {
    return Rcpp::NumericVector(Rcpp::wrap(field_divergence(f, glue::view(x))));
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector field_support(const Rcpp::RawVector& bytes, const Rcpp::NumericMatrix& x, int threads) {
  return with_field(bytes, threads, [&](const VelocityField& f) {
    return Rcpp::NumericVector(Rcpp::wrap(field_support(f, glue::view(x))));
  });
}

// list(z, dz): latent means, or what the narrowest layer gives, and how they change along `delta`.
// [[Rcpp::export(rng = false)]]
Rcpp::List field_embed(const Rcpp::RawVector& bytes, const Rcpp::NumericMatrix& x,
                       const Rcpp::NumericMatrix& delta, int threads) {
  return with_field(bytes, threads, [&](const VelocityField& f) {
    const NetworkField& net = glue::network_of(f);
    return Rcpp::List::create(
        Rcpp::_["z"] = glue::to_r(glue::embed(net, glue::view(x))),
        Rcpp::_["dz"] = glue::to_r(glue::jvp_embedding(net, glue::view(x), glue::view(delta))));
  });
}

// The published clock and number of unit steps. `how`: "quantile", "ratio", or "" for a clock of 1.
// [[Rcpp::export(rng = false)]]
Rcpp::List field_clock(const Rcpp::RawVector& bytes, std::string how, double kappa_quantile,
                       double span_quantile) {
  return with_field(bytes, 1, [&](const VelocityField& f) {
    const double kappa = how.empty() ? 1.0 : published_kappa(f.statistics(), how, kappa_quantile);
    return Rcpp::List::create(Rcpp::_["kappa"] = kappa,
                              Rcpp::_["steps"] = published_steps(f.statistics(), span_quantile));
  });
}
