// SimulateTwoBranch(): the system of two branches with known velocities.
#include "core/sim/two_branch.hpp"
#include "glue.hpp"

using namespace fatefield;

// [[Rcpp::export(rng = false)]]
Rcpp::List two_branch_defaults() { return glue::to_list(TwoBranchOptions()); }

// Branches: 0 for the common path, 1 for the major and 2 for the minor branch. Matrices are genes x cells.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_simulate_two_branch(const Rcpp::List& options, double seed, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const TwoBranch x =
        simulate_two_branch(glue::from_list<TwoBranchOptions>(options), static_cast<std::uint64_t>(seed));
    const auto codes = [](const std::vector<Branch>& branch) {
      Rcpp::IntegerVector out;
      for (Branch b : branch) out.push_back(static_cast<int>(b));
      return out;
    };
    const auto& g = x.genes;
    return Rcpp::List::create(
        Rcpp::_["genes"] = Rcpp::List::create(Rcpp::_["branch"] = codes(g.branch), Rcpp::_["alpha"] = g.alpha,
                                              Rcpp::_["beta"] = g.beta, Rcpp::_["gamma"] = g.gamma,
                                              Rcpp::_["on"] = g.on, Rcpp::_["off"] = g.off),
        Rcpp::_["time"] = x.time, Rcpp::_["branch"] = codes(x.branch), Rcpp::_["library"] = x.library,
        Rcpp::_["unspliced"] = glue::to_r(x.unspliced), Rcpp::_["spliced"] = glue::to_r(x.spliced),
        Rcpp::_["velocity"] = glue::to_r(x.velocity),
        Rcpp::_["unspliced.counts"] = glue::to_r(x.unspliced_counts),
        Rcpp::_["spliced.counts"] = glue::to_r(x.spliced_counts));
  });
}
