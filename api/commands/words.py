"""The few words that the terminal puts around an incident's own text, in both languages."""

from __future__ import annotations

from knowledge.vocabulary import Language

_ZH = {
    "opened": "创建于",
    "alert": "告警",
    "diagnosis": "诊断",
    "timeline": "时间线",
    "confidence": "置信度",
    "evidence": "证据",
    "runner-up": "次选",
    "also": "另有",
    "ruled out": "已排除",
    "gap": "缺口",
    "may not": "无权",
    "next": "下一步",
    "more gaps; --json shows all": "个缺口未显示；--json 显示全部",
    "the model would rank": "模型的排序",
    "model": "模型",
    "script": "脚本",
    "(manual steps only)": "（仅人工步骤）",
    "by hand": "人工步骤",
    "done by": "完成人",
    "to do": "待办",
    "no plan": "没有方案",
    "not reviewed yet": "尚未评审",
    "review": "评审",
    "plan": "方案",
    "step": "步骤",
    "reversal": "回退",
    "feels it": "影响范围",
    "pods": "个 Pod",
    "services": "服务",
    "none": "无",
    "dry run of step": "试运行步骤",
    "the executor may not": "执行器无权",
    "note": "注意",
    "change it at": "请在归属方修改（合并请求补丁）：",
    "digest": "摘要",
    "approval": "审批",
    "needed": "票需要",
    "no votes yet": "尚无投票",
    "until": "截止",
    "on": "位于",
}


def word(english: str, language: Language) -> str:
    """The word in ``language``; the English one is its name."""
    return _ZH.get(english, english) if language is Language.ZH else english
