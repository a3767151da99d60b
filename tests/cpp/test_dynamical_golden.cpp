// The dynamical model under parity against scVelo in double precision: parameters, times and velocities of
// every gene of three sets.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "dynamical_cells.hpp"
#include "golden.hpp"
#include "graph/knn.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

using Row = std::map<std::string, double>;

double number(const std::string& text) {
  if (text == "True" || text == "False") return text == "True";
  return text.empty() ? std::nan("") : std::stod(text);
}

std::vector<Row> read_table(const std::string& name) {
  std::ifstream file(std::string(SHARED_DIR) + "/golden/" + name);
  std::string line, field;
  std::vector<std::string> columns;
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    std::stringstream fields(line);
    std::size_t k = 0;
    const bool head = columns.empty();
    if (!head) rows.emplace_back();
    for (; std::getline(fields, field, ','); ++k) {
      if (head) {
        columns.push_back(field);
      } else if (k > 0) {
        rows.back()[columns[k]] = number(field);
      }
    }
  }
  return rows;
}

// cells x genes, rows first, as genes x cells by columns: the same bytes.
Matrix genes_by_cells(GoldenArray a) {
  Matrix m;
  m.rows = a.shape[1];
  m.cols = a.shape[0];
  m.values = std::move(a.values);
  return m;
}

CellSets sets_of(const Golden& file) {
  const std::vector<double> p = file.read("obsp/connectivities/indptr").values,
                            i = file.read("obsp/connectivities/indices").values,
                            x = file.read("obsp/connectivities/data").values;
  SparseRows graph;
  graph.rows = graph.cols = static_cast<std::int64_t>(p.size()) - 1;
  graph.start.assign(p.begin(), p.end());
  graph.index.assign(i.begin(), i.end());
  graph.value = x;
  return cell_sets(graph);
}

Row found_row(const DynamicalGene& g) {
  const GeneParameters& p = g.parameters;
  return {{"fit_alpha", p.alpha},
          {"fit_beta", p.beta / p.scaling},
          {"fit_gamma", p.gamma},
          {"fit_t_", p.t_switch},
          {"fit_scaling", p.scaling},
          {"fit_std_u", g.std_u},
          {"fit_std_s", g.std_s},
          {"fit_likelihood", g.likelihood},
          {"fit_variance", g.variance},
          {"fit_pval_steady", g.p_steady},
          {"fit_steady_u", g.steady_u},
          {"fit_steady_s", g.steady_s},
          {"fit_alignment_scaling", g.alignment}};
}

double largest_error(const std::map<std::string, double>& found, const Row& wanted) {
  double worst = 0;
  for (const auto& [name, value] : found)
    worst = std::max(worst, std::abs(value - wanted.at(name)) / std::abs(wanted.at(name)));
  return worst;
}

// Largest difference of gene g, in units of its largest value, or of `floor` where that is larger.
double row_error(const Matrix& found, const Matrix& wanted, std::int64_t g, double floor) {
  double worst = 0, scale = floor;
  for (std::int64_t c = 0; c < wanted.cols; ++c) {
    worst = std::max(worst, std::abs(found(g, c) - wanted(g, c)));
    scale = std::max(scale, std::abs(wanted(g, c)));
  }
  return worst / scale;
}

}  // namespace

TEST_CASE("parity follows scVelo gene by gene", "[dynamical][golden]") {
  const std::string set = GENERATE("pancreas_50obs", "dentategyrus_50obs", "dentategyrus_100obs");
  const Golden input(set + "_preprocessed.h5ad"), results("scvelo.h5");
  if (!results.missing().empty() || !input.missing().empty()) SKIP(results.missing() + input.missing());
  const std::vector<Row> table = read_table(set + ".dynamical.var.csv");
  const KnownMoments known(genes_by_cells(input.read("layers/Ms")), genes_by_cells(input.read("layers/Mu")),
                           sets_of(input));
  std::vector<std::int64_t> fitted;
  std::vector<double> r2;
  for (std::size_t g = 0; g < table.size(); ++g) {
    r2.push_back(table[g].at("fit_r2"));
    if (!std::isnan(table[g].at("fit_alpha"))) fitted.push_back(static_cast<std::int64_t>(g));
  }
  const FittedCells found = fit_all(known, true, fitted);
  const Matrix velocity = genes_by_cells(results.read(set + "/dynamical/velocity")),
               velocity_u = genes_by_cells(results.read(set + "/dynamical/velocity_u")),
               time = genes_by_cells(results.read(set + "/dynamical/fit_t"));

  std::size_t same = 0;
  for (const std::int64_t g : fitted) {
    INFO(set << " gene " << g);
    const DynamicalGene& gene = found.genes[g];
    REQUIRE(gene.status == "fitted");
    // Turnover of the gene: velocities of cells in steady states are 0 but for rounding.
    const double turnover = gene.parameters.gamma * gene.std_s;
    const double worst =
        std::max({largest_error(found_row(gene), table[g]), row_error(found.velocity, velocity, g, turnover),
                  row_error(found.velocity_u, velocity_u, g, turnover), row_error(found.time, time, g, 0)});
    same += worst < 1e-6;
    // What no branch of the fit reaches.
    CHECK(gene.std_u == Approx(table[g].at("fit_std_u")).epsilon(1e-12));
    CHECK(gene.std_s == Approx(table[g].at("fit_std_s")).epsilon(1e-12));
    CHECK(gene.p_steady == Approx(table[g].at("fit_pval_steady")).epsilon(1e-9));
    CHECK(gene.steady_s == Approx(table[g].at("fit_steady_s")).epsilon(1e-12));
  }
  // The last digit of a sum can turn a decision of the fit, and then a gene is another.
  CHECK(same >= 0.9 * static_cast<double>(fitted.size()));
  WARN(set << ": " << same << " of " << fitted.size() << " genes within 1e-6");

  const std::vector<bool> chosen = dynamical_velocity_genes(found.genes, r2, 0.01, DynamicalOptions());
  for (std::size_t g = 0; g < table.size(); ++g) CHECK(chosen[g] == (table[g].at("velocity_genes") == 1));
}

TEST_CASE("the first gene of scVelo's simulated test has its rate", "[dynamical][golden]") {
  const Golden golden("scvelo.h5");
  if (!golden.missing().empty()) SKIP(golden.missing());
  // Genes x cells; with so few genes neighbours are found among the logarithms themselves.
  const Matrix s = genes_by_cells(golden.read("sim10/S")), u = genes_by_cells(golden.read("sim10/U"));
  Matrix cells(s.cols, s.rows);
  for (std::int64_t c = 0; c < s.cols; ++c)
    for (std::int64_t g = 0; g < s.rows; ++g) cells(c, g) = std::log1p(s(g, c));
  KnnOptions exact;
  exact.method = "brute";
  std::vector<std::int64_t> all;
  for (std::int64_t c = 0; c < s.cols; ++c) all.push_back(c);
  const CellMeans means(cell_sets(fuzzy_graph(NeighbourIndex(cells, exact).query_self(all, 29))));
  Matrix ms(s.rows, s.cols), mu(s.rows, s.cols);
  std::vector<double> in(static_cast<std::size_t>(s.cols)), out(in);
  for (std::int64_t g = 0; g < s.rows; ++g) {
    for (const auto& [from, to] : {std::pair{&s, &ms}, std::pair{&u, &mu}}) {
      for (std::int64_t c = 0; c < s.cols; ++c) in[c] = (*from)(g, c);
      means.of(in.data(), out.data());
      for (std::int64_t c = 0; c < s.cols; ++c) (*to)(g, c) = out[c];
    }
  }
  const KnownMoments known(ms, mu, means.sets());
  CHECK(fit_all(known, true, {0}).genes[0].parameters.alpha == Approx(6.4272).epsilon(1e-4));
}
