// Optimal transport for R: options, distances, plans and the class SinkhornLoss. Matrices are cells x dims.
#include "core/base/archive.hpp"
#include "core/base/option_archive.hpp"
#include "core/ot/plan.hpp"
#include "core/ot/sinkhorn.hpp"
#include "glue_clouds.hpp"

using namespace fatefield;

namespace {

const char* const kKind = "sinkhorn_loss";

// Entries of a plan that is kept whole; a matrix of doubles of this size takes 160 MB.
constexpr double kMostEntries = 2e7;

struct Pair {
  const Rcpp::NumericMatrix& x;
  const Rcpp::NumericMatrix& y;
  const Rcpp::NumericVector& a;
  const Rcpp::NumericVector& b;
};

template <typename T>
Rcpp::List distance_in(const Pair& p, const SinkhornOptions& options, bool gradient) {
  const glue::Points<T> x(p.x, p.a, "weights.x"), y(p.y, p.b, "weights.y");
  const SinkhornResult<T> r =
      sinkhorn_divergence(x.cloud(), y.cloud(), options, gradient, glue::until_interrupt());
  Rcpp::List out =
      Rcpp::List::create(Rcpp::_["value"] = r.value, Rcpp::_["converged"] = r.converged,
                         Rcpp::_["iterations"] = static_cast<double>(r.iterations),
                         Rcpp::_["epsilon"] = r.epsilon, Rcpp::_["marginal.error"] = r.marginal_error,
                         Rcpp::_["potentials"] = Rcpp::List::create(Rcpp::_["x"] = glue::to_vector(r.f),
                                                                    Rcpp::_["y"] = glue::to_vector(r.g)));
  if (!gradient) return out;
  out.push_back(Rcpp::List::create(Rcpp::_["x"] = glue::rows_to_matrix(r.grad_x, p.x.nrow(), p.x.ncol()),
                                   Rcpp::_["weights.x"] = glue::to_vector(r.grad_a),
                                   Rcpp::_["weights.y"] = glue::to_vector(r.grad_b)),
                "gradient");
  return out;
}

template <typename T>
TransportPlan plan_in(const Pair& p, const SinkhornOptions& options, double drop) {
  if (drop == 0 && static_cast<double>(p.x.nrow()) * p.y.nrow() > kMostEntries) {
    throw input_error("drop",
                      "A whole plan of " + std::to_string(p.x.nrow()) + " x " + std::to_string(p.y.nrow()) +
                          " entries is too large; leave small ones out, for example with `drop = 1e-3`, "
                          "or take fewer cells.");
  }
  const glue::Points<T> x(p.x, p.a, "weights.x"), y(p.y, p.b, "weights.y");
  return transport_plan(x.cloud(), y.cloud(), options, drop, glue::until_interrupt());
}

bool wide(const SinkhornOptions& options) { return options.precision == "float64"; }

Rcpp::List distance(const Pair& p, const SinkhornOptions& options, bool gradient) {
  return wide(options) ? distance_in<double>(p, options, gradient) : distance_in<float>(p, options, gradient);
}

TransportPlan plan(const Pair& p, const SinkhornOptions& options, double drop) {
  return wide(options) ? plan_in<double>(p, options, drop) : plan_in<float>(p, options, drop);
}

Rcpp::NumericMatrix to_dense(const TransportPlan& plan) {
  Rcpp::NumericMatrix out(static_cast<int>(plan.rows), static_cast<int>(plan.columns));
  for (std::int64_t i = 0; i < plan.rows; ++i) {
    for (std::int64_t e = plan.start[i]; e < plan.start[i + 1]; ++e)
      out[i + plan.column[e] * plan.rows] = plan.mass[e];
  }
  return out;
}

/// What R sees as SinkhornLoss.
class SinkhornLossHandle {
 public:
  explicit SinkhornLossHandle(Rcpp::List options)
      : options_(glue::guarded([&] { return checked(glue::from_list<SinkhornOptions>(options)); })) {}
  explicit SinkhornLossHandle(Rcpp::RawVector bytes)
      : options_(glue::guarded([&] { return from_bytes(glue::from_raw(bytes)); })) {}

  double value(Rcpp::NumericMatrix x, Rcpp::NumericMatrix y) {
    return work([&] { return Rcpp::as<double>(distance({x, y, none_, none_}, options_, false)["value"]); });
  }
  Rcpp::NumericMatrix gradient(Rcpp::NumericMatrix x, Rcpp::NumericMatrix y) {
    return work([&] {
      const Rcpp::List all = distance({x, y, none_, none_}, options_, true)["gradient"];
      return Rcpp::as<Rcpp::NumericMatrix>(all["x"]);
    });
  }
  Rcpp::NumericMatrix plan(Rcpp::NumericMatrix x, Rcpp::NumericMatrix y) {
    return work([&] { return to_dense(::plan({x, y, none_, none_}, options_, 0.0)); });
  }

  Rcpp::List options() { return glue::to_list(options_); }

  Rcpp::RawVector serialize() {
    Archive archive;
    archive.put("kind", kKind);
    put_options(archive, "options/", options_);
    return glue::to_raw(archive.bytes());
  }

  void show() {
    Rcpp::Rcout << "<SinkhornLoss> p " << options_.p << ", blur " << options_.blur << ", scaling "
                << options_.scaling << ", ";
    if (options_.reach > 0) {
      Rcpp::Rcout << "unbalanced with reach " << options_.reach;
    } else {
      Rcpp::Rcout << "balanced";
    }
    Rcpp::Rcout << (options_.debias ? ", debiased, " : ", not debiased, ") << options_.precision << "\n";
  }

 private:
  static SinkhornOptions checked(const SinkhornOptions& options) {
    check_options(options);
    return options;
  }
  static SinkhornOptions from_bytes(const std::string& bytes) {
    const Archive archive = Archive::parse(bytes, "bytes");
    if (!archive.has("kind") || archive.text("kind") != kKind) {
      throw file_error("bytes", "`bytes` is a fatefield archive, but not of a SinkhornLoss.");
    }
    return checked(get_options<SinkhornOptions>(archive, "options/"));
  }
  template <typename F>
  auto work(F&& f) -> decltype(f()) {
    const ThreadScope threads(glue::thread_count());
    return glue::guarded(f);
  }

  SinkhornOptions options_;
  Rcpp::NumericVector none_;
};

bool one_list(SEXP* args, int n) { return n == 1 && TYPEOF(args[0]) == VECSXP; }
bool one_raw(SEXP* args, int n) { return n == 1 && TYPEOF(args[0]) == RAWSXP; }

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List sinkhorn_defaults() { return glue::to_list(SinkhornOptions()); }

// [[Rcpp::export(rng = false)]]
void check_sinkhorn_options(Rcpp::List options) {
  glue::guarded([&] { check_options(glue::from_list<SinkhornOptions>(options)); });
}

// Weights of length 0 are equal ones that sum to one.
// [[Rcpp::export(rng = false)]]
Rcpp::List ot_distance(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& y,
                       const Rcpp::NumericVector& a, const Rcpp::NumericVector& b, const Rcpp::List& options,
                       bool gradient) {
  const ThreadScope threads(glue::thread_count());
  return glue::guarded([&] {
    return distance({x, y, a, b}, glue::from_list<SinkhornOptions>(options), gradient);
  });
}

// list(plan or column, start and mass, and the report): the whole matrix where drop is 0.
// [[Rcpp::export(rng = false)]]
Rcpp::List ot_plan(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& y, const Rcpp::NumericVector& a,
                   const Rcpp::NumericVector& b, const Rcpp::List& options, double drop) {
  const ThreadScope threads(glue::thread_count());
  return glue::guarded([&] {
    const TransportPlan found = plan({x, y, a, b}, glue::from_list<SinkhornOptions>(options), drop);
    Rcpp::List out =
        Rcpp::List::create(Rcpp::_["cost"] = found.cost, Rcpp::_["dropped"] = found.dropped,
                           Rcpp::_["column.error"] = found.column_error, Rcpp::_["epsilon"] = found.epsilon,
                           Rcpp::_["iterations"] = static_cast<double>(found.iterations),
                           Rcpp::_["converged"] = found.converged);
    if (drop == 0) {
      out.push_back(to_dense(found), "plan");
      return out;
    }
    out.push_back(glue::to_vector(found.start), "start");
    out.push_back(Rcpp::IntegerVector(found.column.begin(), found.column.end()), "column");
    out.push_back(glue::to_vector(found.mass), "mass");
    return out;
  });
}

RCPP_MODULE(sinkhorn_loss) {
  Rcpp::class_<SinkhornLossHandle>("SinkhornLoss")
      .constructor<Rcpp::List>("options", &one_list)
      .constructor<Rcpp::RawVector>("bytes of serialize()", &one_raw)
      .method("value", &SinkhornLossHandle::value, "value(x, y): one number")
      .method("gradient", &SinkhornLossHandle::gradient, "gradient(x, y): cells of x x dims")
      .method("plan", &SinkhornLossHandle::plan, "plan(x, y): cells of x x cells of y")
      .method("options", &SinkhornLossHandle::options, "options(): named list")
      .method("serialize", &SinkhornLossHandle::serialize, "serialize(): raw bytes")
      .method("show", &SinkhornLossHandle::show, "show()");
}
