// SPDX-License-Identifier: Apache-2.0
// Instagram's demographics: who the audience is now, by age, gender and place.
#include "hash.hpp"
#include "instagram.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

constexpr std::size_t kStrongest = 45;
constexpr std::int64_t kFewest = 100;  ///< people; of fewer nothing is said

constexpr std::array<std::string_view, 7> kAges{"13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"};
constexpr std::array<std::string_view, 3> kGenders{"F", "M", "U"};
// More than are ever answered, so that the weakest are cut off.
constexpr auto kCountries = std::to_array<std::string_view>(
    {"PT", "BR", "DE", "US", "FR", "JP", "ES", "IT", "GB", "IE", "NL", "BE", "AT", "CH", "PL", "CZ",
     "SK", "HU", "RO", "BG", "GR", "TR", "SE", "NO", "DK", "FI", "IS", "EE", "LV", "LT", "UA", "MX",
     "AR", "CL", "CO", "PE", "CA", "AU", "NZ", "IN", "ID", "MY", "SG", "TH", "VN", "PH", "KR", "TW",
     "HK", "ZA", "NG", "KE", "EG", "MA", "AE", "SA", "IL", "PK", "BD", "LK", "AO", "MZ"});
constexpr auto kCities = std::to_array<std::string_view>({"Porto, Porto District",
                                                          "Lisbon, Lisbon District",
                                                          "Braga, Braga District",
                                                          "Coimbra, Coimbra District",
                                                          "Faro, Faro District",
                                                          "Berlin, Berlin",
                                                          "Hamburg, Hamburg",
                                                          "Munich, Bavaria",
                                                          "Cologne, North Rhine-Westphalia",
                                                          "Leipzig, Saxony",
                                                          "São Paulo, São Paulo (state)",
                                                          "Rio de Janeiro, Rio de Janeiro (state)",
                                                          "Recife, Pernambuco",
                                                          "Salvador, Bahia",
                                                          "Curitiba, Paraná",
                                                          "St. Louis, Missouri",
                                                          "New York, New York",
                                                          "Los Angeles, California",
                                                          "Chicago, Illinois",
                                                          "Houston, Texas",
                                                          "Miami, Florida",
                                                          "Seattle, Washington",
                                                          "Boston, Massachusetts",
                                                          "Paris, Ile-de-France",
                                                          "Lyon, Auvergne-Rhône-Alpes",
                                                          "Marseille, Provence-Alpes-Côte d'Azur",
                                                          "Madrid, Comunidad de Madrid",
                                                          "Barcelona, Cataluña",
                                                          "Valencia, Comunidad Valenciana",
                                                          "Seville, Andalucía",
                                                          "Rome, Lazio",
                                                          "Milan, Lombardy",
                                                          "Naples, Campania",
                                                          "London, England",
                                                          "Manchester, England",
                                                          "Glasgow, Scotland",
                                                          "Dublin, County Dublin",
                                                          "Amsterdam, North Holland",
                                                          "Rotterdam, South Holland",
                                                          "Brussels, Brussels",
                                                          "Vienna, Vienna",
                                                          "Zürich, Canton of Zürich",
                                                          "Warsaw, Masovian Voivodeship",
                                                          "Prague, Prague",
                                                          "Budapest, Budapest",
                                                          "Bucharest, Bucharest",
                                                          "Athens, Attica",
                                                          "Istanbul, Istanbul Province",
                                                          "Stockholm, Stockholm County",
                                                          "Oslo, Oslo",
                                                          "Copenhagen, Capital Region of Denmark",
                                                          "Helsinki, Uusimaa",
                                                          "Mexico City, Distrito Federal",
                                                          "Buenos Aires, Ciudad Autónoma de Buenos Aires",
                                                          "Santiago, Santiago Metropolitan Region",
                                                          "Toronto, Ontario",
                                                          "Sydney, New South Wales",
                                                          "Tokyo, Tokyo",
                                                          "Osaka, Osaka Prefecture",
                                                          "Mumbai, Maharashtra",
                                                          "Luanda, Luanda Province",
                                                          "Maputo, Maputo City"});

std::vector<std::vector<std::string_view>> values_of(std::string_view dimensions) {
    std::vector<std::vector<std::string_view>> out;
    const auto put = [&out](const auto& values) {
        for (const auto value : values) out.push_back({value});
    };
    if (dimensions == "age") put(kAges);
    if (dimensions == "gender") put(kGenders);
    if (dimensions == "country") put(kCountries);
    if (dimensions == "city") put(kCities);
    if (dimensions == "age,gender")
        for (const auto age : kAges)
            for (const auto gender : kGenders) out.push_back({age, gender});
    return out;
}

/// One of the two documented forms, and the same one for an account at all times.
bool timeframe_in_front(const Account& account) {
    return mix(account.key, hash_text("timeframe")) % 2 == 0;
}

Json total_value(const Account& account, std::string_view dimensions, bool week,
                 const std::vector<Category>& categories) {
    const bool front = timeframe_in_front(account);
    Json keys = Json::array();
    if (front) keys.push_back("timeframe");
    for (const auto key : split_list(dimensions)) keys.push_back(key);
    Json breakdown{{"dimension_keys", std::move(keys)}};
    for (const auto& category : categories) {
        Json row = Json::array();
        if (front) row.push_back(week ? "THIS_WEEK" : "THIS_MONTH");
        for (const auto value : category.values) row.push_back(value);
        breakdown["results"].push_back({{"dimension_values", std::move(row)}, {"value", category.value}});
    }
    return Json{{"breakdowns", Json::array({std::move(breakdown)})}};
}

}  // namespace

bool instagram_knows_demographics(std::string_view dimensions) {
    return !values_of(dimensions).empty();
}

std::vector<Category> instagram_demographics(const Account& account, const InstagramMetric& metric,
                                             std::string_view dimensions, bool week, Instant now) {
    std::vector<Category> out;
    // The followers are the same in both timeframes; those who did something are fewer in a week.
    const bool all = metric.name == "follower_demographics";
    const auto people = static_cast<std::int64_t>(static_cast<double>(followers(account, now)) * metric.rate *
                                                  (all || !week ? 1 : 0.4));
    if (account.small() || people < kFewest) return out;
    const auto values = values_of(dimensions);
    const auto shares = split(people, values.size(), mix(account.key, hash_text(metric.name) ^ hash_text(dimensions)));
    for (std::size_t i = 0; i < values.size(); ++i)
        if (shares[i] != 0) out.push_back({values[i], shares[i]});
    std::stable_sort(out.begin(), out.end(), [](const Category& a, const Category& b) { return a.value > b.value; });
    out.resize(std::min(out.size(), kStrongest));
    return out;
}

Reply answer_instagram_demographics(const Call& call, const Account& account, const DemographicsAsk& ask) {
    if (!ask.total) {
        std::string names;
        for (const auto* metric : ask.metrics) names += fmt::format("{}{}", names.empty() ? "" : ", ", metric->name);
        return graph_error(
            call,
            {400, 100, 0,
             fmt::format("(#100) The following metrics ({}) should be specified with parameter metric_type=total_value",
                         names)});
    }
    const auto timeframe = call.request.query.get("timeframe");
    if (timeframe != "this_week" && timeframe != "this_month")
        return graph_error(
            call, {400, 100, 0, "(#100) timeframe must be one of the following values: this_week, this_month"});
    if (!instagram_knows_demographics(ask.dimensions)) return unknown_breakdown(call, account);

    const bool week = timeframe == "this_week";
    Json data = Json::array();
    for (const auto* metric : ask.metrics) {
        const auto categories = instagram_demographics(account, *metric, ask.dimensions, week, call.now);
        // Too few people: a small account has no entry, others may have one with nothing inside.
        if (categories.empty() && (account.small() || account.key % 2 == 0)) continue;
        data.push_back(insights_entry(account, metric->name, "lifetime", "total_value",
                                      total_value(account, ask.dimensions, week, categories)));
    }
    return json_reply(200, Json{{"data", std::move(data)}});
}

}  // namespace sim
